"""`steelyard demo`: the whole loop on this cluster, told as it goes and judged by an independent checker."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.cli.command import FAILED, OK, UNHEALTHY, Command
from steelyard.cli.problem import Problem

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 132
"""Columns of a picture, and of what is no terminal."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    """Where the model is, and which variant of the story to tell."""
    parser.add_argument("--model-uri", default=os.environ.get("STEELYARD_DEMO_MODEL_URI"), help="the model, for example s3://models/minilm")
    parser.add_argument(
        "--model-digest", default=os.environ.get("STEELYARD_DEMO_MODEL_DIGEST"), help="its digest (steelyard-runtime digest DIR)"
    )
    parser.add_argument(
        "--secret",
        default="steelyard-store",
        help="Secret with the store's credentials; made from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )
    parser.add_argument(
        "--runtime-image",
        default=os.environ.get("STEELYARD_IMAGE_RUNTIME_SERVE", "steelyard/runtime-serve:latest"),
        help="image of the load generator",
    )
    parser.add_argument("--operator-namespace", default="steelyard-system", help="where the operator runs")
    for pool, default in (("pool-a", "onnxruntime"), ("pool-b", "openvino")):
        parser.add_argument(
            f"--{pool}",
            type=_variant,
            default=default,
            metavar="BACKEND[/DTYPE[/QUANTIZATION]]",
            help=f"what {pool} runs the model with (default {default}); where both run the same, or carry the same, the prices of their nodes differ",
        )
    parser.add_argument("--swap", action="store_true", help="swap the back ends of the pools, and with them the claim")
    parser.add_argument("--claim-true", action="store_true", help="put a true claim on the pool that is really cheaper")
    parser.add_argument(
        "--forced-wrong",
        action="store_true",
        help="ask for a saving that no move can make, so that the run ends on the dearer pool and the checker must object",
    )
    parser.add_argument("--keep", action="store_true", help="leave everything in the cluster at the end")
    parser.add_argument("--picture", type=Path, help="write what was told as a picture (SVG)")
    parser.add_argument("--evidence", type=Path, help="folder for the evidence that the checker judges")


def _variant(text: str) -> object:
    from steelyard.cli.demo.plan import Variant  # noqa: PLC0415

    return Variant.read(text)


def _run(given: argparse.Namespace) -> int:
    """The exit code of the story."""
    if not given.model_uri or not given.model_digest:
        raise Problem(
            "the demo needs a model that pods can reach", "give --model-uri and --model-digest, or run `make demo`, which provides one"
        )
    # The other commands must start quickly: only this one needs all that.
    from rich.console import Console  # noqa: PLC0415

    from steelyard.cli.connection import Connection  # noqa: PLC0415
    from steelyard.cli.demo.plan import Story  # noqa: PLC0415
    from steelyard.cli.demo.story import Run, namespace_name  # noqa: PLC0415

    if given.pool_a != given.pool_b and given.pool_a.backend == given.pool_b.backend:
        raise Problem(
            f"both pools run {given.pool_a.backend} with different number formats, and a workload gives each back end one",
            "give them different back ends, or the same format (then the prices of their nodes differ)",
        )
    connection = Connection.open(getattr(given, "kubeconfig", None), getattr(given, "context", None))
    if given.evidence is not None:
        given.evidence.mkdir(parents=True, exist_ok=True)
    story = Story(
        namespace=namespace_name(),
        model_uri=given.model_uri,
        model_digest=given.model_digest,
        secret=given.secret or None,
        runtime_image=given.runtime_image,
        swap=given.swap,
        true_claim=given.claim_true,
        forced_wrong=given.forced_wrong,
        variants=(given.pool_a, given.pool_b),
    )
    console = Console(record=given.picture is not None, width=None if given.picture is None and sys.stdout.isatty() else WIDE)
    code = Run(connection, story, console, given.operator_namespace, given.keep, given.evidence).run()
    if given.picture is not None:
        given.picture.write_text(picture(console))
    return code


def picture(console: Console) -> str:
    """What the console showed, as SVG with the reader's own fonts: nothing is fetched from anywhere."""
    drawn = console.export_svg(title="make demo")
    return re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", drawn, flags=re.DOTALL)


COMMAND = Command(
    name="demo",
    summary="the whole loop on this cluster (compile, place, measure, try, move), told as it goes and judged",
    description="Compile one model for two pools, start where the claim says it is cheapest, measure, and move to where it really is; "
    "then let a checker that shares nothing with Steelyard judge the run. `make demo` brings the cluster for it.",
    add_arguments=_arguments,
    run=_run,
    formats=("text",),
    exits=(
        (OK, "the checker agrees"),
        (UNHEALTHY, "it does not"),
        (FAILED, "it could not be run"),
    ),
)
