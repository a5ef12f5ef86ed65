"""`steelyard trial local MODEL`, also spelt `steelyard trial --local MODEL`: compare back ends and number formats on this machine."""

from __future__ import annotations

import argparse
import re

from steelyard.cli.claim_text import EXAMPLES_HERE, GRAMMAR, is_figure
from steelyard.cli.command import FAILED, INTERRUPTED, OK, UNHEALTHY, Command
from steelyard.cli.commands.trial_start import pools
from steelyard.cli.duration import seconds
from steelyard.cli.factor import add_factors
from steelyard.cli.promise import Promise, promise

_LENGTHS = re.compile(r"([1-9][0-9]{0,5}):([1-9][0-9]{0,5})")
USUAL_OBJECTIVE, USUAL_DURATION = "e2e=200ms:99", "2m"


def objective(text: str) -> Promise:
    """e2e=200ms:99, and 200ms of 99 %."""
    full = text if "=" in text else f"e2e={text}"
    found = promise(full if ":" in full else f"{full}:99")
    if found is None or found.metric != "e2e":
        raise argparse.ArgumentTypeError(
            f"must be a time for the whole of a request and a percentage below 100, such as {USUAL_OBJECTIVE}; found {text!r}"
        )
    return found


def lengths(text: str) -> tuple[int, int]:
    """20:60."""
    found = _LENGTHS.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f"must be the fewest and the most tokens of a request, such as 20:60; found {text!r}")
    return int(found[1]), int(found[2])


def price(text: str) -> tuple[str | None, float]:
    """0.34, or POOL=0.34."""
    pool, _, money = text.rpartition("=")
    if not is_figure(money) or text.startswith("="):
        raise argparse.ArgumentTypeError(f"must be an amount above 0 without a currency, such as 0.34 or openvino=0.34; found {text!r}")
    return pool or None, float(money)


def currency(text: str) -> str:
    """EUR."""
    if re.fullmatch("[A-Z]{3}", text) is None:
        raise argparse.ArgumentTypeError(f"must be three capital letters, such as EUR; found {text!r}")
    return text


def rate(text: str) -> float:
    """20."""
    if not is_figure(text):
        raise argparse.ArgumentTypeError(f"must be requests per second, more than 0, such as 20; found {text!r}")
    return float(text)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a text encoder: its folder, or its address (hf://ORG/NAME with --revision; s3:// or oci:// with --digest)",
    )
    parser.add_argument(
        "--pools",
        required=True,
        type=pools,
        metavar="A,B",
        help="the variants to compare, each BACKEND[/DTYPE[/QUANTIZATION]]: openvino, onnxruntime, inductor or eager; such as "
        "openvino/float32/Int8Dynamic,onnxruntime",
    )
    parser.add_argument(
        "--claim",
        action="append",
        default=[],
        metavar="CLAIM",
        help=f"a claim to be judged, once for each: {GRAMMAR}. Such as {EXAMPLES_HERE}",
    )
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        type=price,
        metavar="[POOL=]MONEY",
        help="what the machine costs an hour, of all pools or of one; without it costs are not known, and claims of cost stay open",
    )
    parser.add_argument("--currency", type=currency, default="USD", metavar="CUR", help="of the prices (default: USD)")
    parser.add_argument(
        "--objective",
        type=objective,
        default=objective(USUAL_OBJECTIVE),
        metavar="e2e=TIME:PERCENT",
        help=f"which part of the requests is answered within which time (default: {USUAL_OBJECTIVE})",
    )
    parser.add_argument(
        "--load",
        type=rate,
        metavar="RATE",
        help="requests per second that you have: what half, all and twice of them need and cost is measured",
    )
    parser.add_argument("--lengths", type=lengths, metavar="LEAST:MOST", help="tokens of a request (default: texts of 20 to 60 words)")
    add_factors(parser, "each takes a fifth of --duration more")
    parser.add_argument(
        "--duration",
        type=seconds,
        default=seconds(USUAL_DURATION),
        metavar="TIME",
        help=f"how long each pool is loaded (default: {USUAL_DURATION}); it takes this for each",
    )
    parser.add_argument("--digest", metavar="SHA256", help="of a model at an address: sha256:<64 hex>")
    parser.add_argument("--revision", metavar="COMMIT", help="of a model on a hub: the commit in full")
    parser.add_argument(
        "--task",
        default="feature-extraction",
        metavar="TASK",
        help="what the model does: feature-extraction (default), text-classification, token-classification, text-ranking, image-classification or "
        "tensors (any ONNX graph)",
    )
    parser.add_argument("--keep", metavar="FOLDER", help="keep what was compiled there, for the next time; default: nothing is kept")
    parser.add_argument("--report", metavar="FILE", help="write the page for who decides there as well")


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.local_trial import run  # noqa: PLC0415 - `--help` must not wait for the core.

    return run(arguments)


COMMAND = Command(
    name="trial local",
    summary="compare back ends and number formats on this machine, without a cluster (also: trial --local)",
    description="Compile the model for each variant, start a server of each, and ask them in turns, step by step, with the same requests: more and more until "
    "the objective breaks, then your load. The runtime's own processes do it, and the operator's own core judges: capacity, unit cost and the verdict on "
    "each claim, as of a trial in a cluster. A variant that cannot run here is told with its reason, and the others go on. On a terminal the picture "
    "changes in place, elsewhere a line says what is new, with -o json one object a line. Ctrl-C ends all of it. It needs the packages of steelyard[local].",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
    exits=(
        (OK, "everything that was asked for is measured"),
        (UNHEALTHY, "it ended before that"),
        (FAILED, "wrong usage, or something is missing; the message says what"),
        (INTERRUPTED, "ended with Ctrl-C: nothing of it is left but what --keep keeps"),
    ),
)
