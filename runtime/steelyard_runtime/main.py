"""`steelyard-runtime`: fetch, compile, publish, fetch-model, compare, serve, load, probe, collect, digest, toolchains, version."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from steelyard_runtime.failure import Failure
from steelyard_runtime.listening import EVERYWHERE
from steelyard_runtime.logs import configure_logs

STEPS = {
    "fetch": "the first step of a compile: download the model that STEELYARD_COMPILE_SPEC describes, if the store has no artifact of it",
    "compile": "the second: compile what was downloaded",
    "publish": "the last: publish what was compiled",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code. Imports are late: `digest` must not wait for a model server's libraries."""
    # As PID 1 a process has no default actions: without this a pod that is still importing would not stop before the kubelet kills it.
    # A compile or a probe that is stopped so early has no result, and must not look like a success.
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1 if options.command in (*STEPS, "fetch-model", "probe") else 0))
    configure_logs(console=options.console)
    match options.command:
        case "fetch" | "compile" | "publish":
            from steelyard_runtime.compile.job import run_step  # noqa: PLC0415

            return run_step(options.command, os.environ, options.progress_host, options.progress_port)
        case "fetch-model":
            from steelyard_runtime.models.fetching import run_fetch  # noqa: PLC0415

            return run_fetch(os.environ)
        case "compare":
            from steelyard_runtime.compile.compare import run_compare  # noqa: PLC0415

            return run_compare(options)
        case "serve":
            from steelyard_runtime.serve.process import run_server  # noqa: PLC0415

            return run_server(os.environ, host=options.host, port=options.port, observe_port=options.observe_port)
        case "load":
            from steelyard_runtime.load.run import run_load  # noqa: PLC0415

            return run_load(options)
        case "probe":
            from steelyard_runtime.load.probe import run_probe  # noqa: PLC0415

            return run_probe(os.environ)
        case "collect":
            from steelyard_runtime.artifacts.entry import run_collect  # noqa: PLC0415

            return run_collect(options)
        case "toolchains":
            from steelyard_runtime.compile.own_toolchains import own_toolchains  # noqa: PLC0415

            sys.stdout.write(json.dumps(own_toolchains(), indent=2) + "\n")
            return 0
        case "digest":
            return _print_digest(Path(options.folder), options.task, hub=options.hub)
        case _:
            sys.stdout.write(f"steelyard-runtime {_version()}\n")
            return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="steelyard-runtime", description="What runs in Steelyard's pods.")
    parser.add_argument("--console", action="store_true", help="logs for people instead of JSON lines")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    every = "default: every one, IPv4 and IPv6"
    for step, does in STEPS.items():
        compiling = commands.add_parser(step, help=does)
        compiling.add_argument("--progress-host", default=EVERYWHERE, help=f"address of /progress and /livez ({every})")
        compiling.add_argument("--progress-port", type=int, default=8081, help="port of /progress and /livez (default 8081)")

    commands.add_parser("fetch-model", help="download the model that STEELYARD_MODEL_SPEC describes, for a server that is not Steelyard's")

    from steelyard_runtime.compile.compare_options import add_compare_options  # noqa: PLC0415  argparse only

    add_compare_options(commands.add_parser("compare", help="compile a model in several variants and time each on this machine"))

    serving = commands.add_parser("serve", help="serve the artifact that STEELYARD_SERVE_SPEC describes")
    serving.add_argument("--host", default=EVERYWHERE, help=f"address to listen on ({every})")
    serving.add_argument("--port", type=int, default=8080, help="port for users (default 8080)")
    serving.add_argument("--observe-port", type=int, default=9090, help="port of /metrics and probes (default 9090)")

    from steelyard_runtime.load.options import add_load_options  # noqa: PLC0415  argparse and the standard library only

    add_load_options(commands.add_parser("load", help="send open-loop load and log every request"))

    commands.add_parser("probe", help="measure the server that STEELYARD_PROBE_SPEC describes: a ramp of open-loop load")

    collecting = commands.add_parser("collect", help="list the artifacts of a store that nothing refers to, and remove them with --remove")
    collecting.add_argument(
        "--store", required=True, metavar="URI", help="s3://bucket/prefix/<namespace uid> or file:///folder/<namespace uid>"
    )
    collecting.add_argument("--keep", required=True, metavar="FILE", help="compile keys to keep, one a line; - for standard input")
    collecting.add_argument("--days", type=float, default=30.0, help="keep what was written in so many days in any case (default 30)")
    collecting.add_argument("--remove", action="store_true", help="remove what is listed as going; without it nothing is touched")

    digest = commands.add_parser("digest", help="print the digest of a model's folder")
    digest.add_argument("folder", metavar="DIR")
    digest.add_argument("--hub", action="store_true", help="only of the files that are downloaded from a repository of the hub: for hf://")
    digest.add_argument("--task", default="", help="spec.model.task of the model: of a graph (tensors) other files are needed")
    commands.add_parser("toolchains", help="print what is installed here of each back end for processors, as JSON")
    commands.add_parser("version", help="print the version")
    for command in commands.choices.values():  # `serve --console` is as good as `--console serve`
        command.add_argument("--console", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _print_digest(folder: Path, task: str, *, hub: bool) -> int:
    from steelyard_runtime.models.digest import model_digest  # noqa: PLC0415
    from steelyard_runtime.models.hf import GRAPH, is_needed, needed_for  # noqa: PLC0415
    from steelyard_runtime.models.weights import refuse_pickle  # noqa: PLC0415

    if not folder.is_dir():
        sys.stderr.write(f"there is no folder {folder}; give the folder of a model\n")
        return 1
    try:
        if not hub and needed_for(task) is not GRAPH:  # what is not downloaded is not loaded, and of a graph's folder only the graph is
            refuse_pickle(folder)
    except Failure as failure:
        sys.stderr.write(f"warning: a compile would refuse this model: {failure.message}\n")
    try:
        sys.stdout.write(model_digest(folder, lambda name: not hub or is_needed(name, needed_for(task))) + "\n")
    except Failure as failure:
        sys.stderr.write(f"{failure.message}\n")
        return 1
    return 0


def _version() -> str:
    try:
        return version("steelyard")
    except PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
