"""`python -m demo`: Steelyard's whole loop on a real cluster, told as it goes and judged by an independent checker.

Within `python -m cluster run` it first brings what a new cluster lacks: the model and the chart. On a cluster of your own, where both are
yours, it needs nothing but a kubeconfig, --model-uri and --model-digest.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path

from rich.console import Console

from cluster import binaries
from cluster.cluster import Cluster
from cluster.mode import mode
from cluster.progress import duration, say
from demo.embeddings import embeddings
from demo.hands import Hands
from demo.installation import SECRET, encoder_toolchains, install_arguments, provide, provide_llama, vllm_toolchain
from demo.run import Run, namespace_name
from demo.story import Story
from demo.text import text
from demo.variant import Variant
from demo.variants import choose
from steelyard.cli.command import FAILED, INTERRUPTED
from steelyard.cli.problem import Problem

WIDE = 132
"""Columns of a picture, and of what is no terminal."""
USUAL = (Variant("onnxruntime"), Variant("openvino"))
"""Of pool-a and pool-b, where neither an option nor a comparison on this processor says another."""
VLLM = Variant("vllm", "float32")
EXITS = "exit codes: 0 the checker agrees; 1 it does not; 2 the demo could not be run"


def parser() -> argparse.ArgumentParser:
    """Where the cluster and the model are, and which variant of the story to tell."""
    described = argparse.ArgumentParser(prog="python -m demo", description=__doc__, epilog=EXITS)
    described.add_argument("--kubeconfig", metavar="FILE", help="the kubeconfig; default: $KUBECONFIG, else ~/.kube/config")
    described.add_argument("--context", metavar="NAME", help="the kubeconfig's context; default: its current one")
    described.add_argument("--model-uri", help="a model that pods can reach, for example s3://models/minilm")
    described.add_argument("--model-digest", help="its digest (steelyard-runtime digest DIR)")
    described.add_argument(
        "--secret", default=SECRET, help="Secret with the store's credentials; made from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )
    described.add_argument(
        "--runtime-image",
        default=os.environ.get("STEELYARD_IMAGE_RUNTIME_SERVE", "steelyard/runtime-serve:latest"),
        help="image of the load generator",
    )
    described.add_argument("--operator-namespace", default="steelyard-system", help="where the operator runs")
    for pool, usual in zip(("pool-a", "pool-b"), USUAL, strict=True):
        described.add_argument(
            f"--{pool}",
            type=Variant.read,
            metavar="BACKEND[/DTYPE[/QUANTIZATION]]",
            help=f"what {pool} runs the model with (default: one of the two that differ most on this processor; with --model-uri {usual}); "
            "where both run the same, or carry the same, the prices of their nodes differ",
        )
    described.add_argument(
        "--text",
        action="store_true",
        help="tell the story of text: a small Llama behind vLLM on both pools, whose costs are counted by output tokens",
    )
    described.add_argument("--swap", action="store_true", help="swap the back ends of the pools, and with them the claim")
    described.add_argument("--claim-true", action="store_true", help="put a true claim on the pool that is really cheaper")
    described.add_argument("--trial", action="store_true", help="move nothing: try the claim by `steelyard trial`, and show its report")
    described.add_argument(
        "--forced-wrong",
        action="store_true",
        help="ask for a saving that no move can make, and allow no move once both pools are measured, so that the run ends on the dearer pool and the "
        "checker must object",
    )
    described.add_argument("--keep", action="store_true", help="leave everything in the cluster at the end")
    described.add_argument("--picture", type=Path, help="write what was told as a picture (SVG)")
    described.add_argument("--evidence", type=Path, help="folder for the evidence that the checker judges")
    return described


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 the checker agrees, 1 it does not, 2 the demo could not be run; a failure is two lines, as of the command."""
    given = parser().parse_args(arguments)
    try:
        return _tell(given, *_model_and_variants(given))
    except Problem as problem:
        print(f"error: {problem.what}\n  try: {problem.todo}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _model_and_variants(given: argparse.Namespace) -> tuple[str, str, tuple[Variant, Variant]]:
    """(URI, digest, variants of pool-a and pool-b): what was asked for, or what a new cluster is given."""
    if given.text and given.trial:
        raise Problem("the trial of the demo compares encoders", "leave out --text, or --trial")
    if given.text and (given.pool_a or given.pool_b):
        raise Problem("text is served by vLLM on both pools", "leave out --pool-a and --pool-b: the pools differ in size and price")
    variants = (VLLM, VLLM) if given.text else (given.pool_a or USUAL[0], given.pool_b or USUAL[1])
    if variants[0] != variants[1] and variants[0].backend == variants[1].backend:
        raise Problem(
            f"both pools run {variants[0].backend} with different number formats, and a workload gives each back end one",
            "give them different back ends, or the same format (then the prices of their nodes differ)",
        )
    if given.model_uri and given.model_digest:
        return given.model_uri, given.model_digest, variants
    name = os.environ.get("STEELYARD_CLUSTER")
    if given.model_uri or given.model_digest or name is None or mode() != "local":
        raise Problem(
            "the demo needs a model that pods can reach", "give --model-uri and --model-digest, or run `make demo`, which provides one"
        )
    cluster = Cluster.attach(name)
    uri, digest = _install(cluster, text=given.text)
    if not (given.text or given.pool_a or given.pool_b):
        variants = choose(cluster, os.environ["STEELYARD_IMAGE_RUNTIME_COMPILE"], uri, digest)
    return uri, digest, variants


def _install(cluster: Cluster, *, text: bool) -> tuple[str, str]:
    """The model's URI and digest; returns when the operator is ready."""
    started = time.monotonic()
    uri, digest = provide_llama(cluster) if text else provide(cluster)
    say(f"the model is in the store as {uri}")
    image = os.environ["STEELYARD_IMAGE_RUNTIME_VLLM" if text else "STEELYARD_IMAGE_RUNTIME_COMPILE"]
    toolchains = vllm_toolchain(image) if text else encoder_toolchains(image)
    cluster.helm(*install_arguments(cluster.s3.endpoint, dict(os.environ), toolchains), seconds=240)
    say(f"Steelyard is installed by its chart and ready after {duration(time.monotonic() - started)}")
    return uri, digest


def _tell(given: argparse.Namespace, uri: str, digest: str, variants: tuple[Variant, Variant]) -> int:
    """The exit code of the story."""
    hands = Hands.open(given.kubeconfig, given.context)
    if given.evidence is not None:
        given.evidence.mkdir(parents=True, exist_ok=True)
    story = Story(
        namespace=namespace_name(),
        model_uri=uri,
        model_digest=digest,
        secret=given.secret or None,
        runtime_image=given.runtime_image,
        swap=given.swap,
        true_claim=given.claim_true,
        forced_wrong=given.forced_wrong,
        trial=given.trial,
        variants=variants,
        served=text(swap=given.swap) if given.text else embeddings(variants),
    )
    console = Console(record=given.picture is not None, width=None if given.picture is None and sys.stdout.isatty() else WIDE)
    options = [word for name in ("kubeconfig", "context") if (value := getattr(given, name)) for word in (f"--{name}", value)]
    # The chart is rendered by Helm, and its currency is known, where the demo installed it.
    installed = bool(os.environ.get("STEELYARD_CLUSTER")) and not given.model_uri
    prometheus = binaries.programs(["prometheus"])["prometheus"] if installed else None
    code = Run(hands, story, console, given.operator_namespace, given.keep, given.evidence, tuple(options), prometheus).run()
    if given.picture is not None:
        given.picture.write_text(picture(console))
    return code


def picture(console: Console) -> str:
    """What the console showed, as SVG with the reader's own fonts: nothing is fetched from anywhere."""
    drawn = console.export_svg(title="make demo")
    return re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", drawn, flags=re.DOTALL)


if __name__ == "__main__":
    sys.exit(main())
