"""`steelyard trial start`: make an AcceleratorTrial, and follow it."""

from __future__ import annotations

import argparse

from steelyard.cli.claim_text import EXAMPLES, GRAMMAR, claims, is_figure
from steelyard.cli.command import FAILED, INTERRUPTED, OK, UNHEALTHY, Command
from steelyard.cli.duration import seconds
from steelyard.cli.factor import add_factors
from steelyard.cli.interval import add_interval


def pools(text: str) -> list[str]:
    """a,b."""
    named = text.split(",")
    if not all(named) or len(set(named)) < len(named):
        raise argparse.ArgumentTypeError(f"must be names of pools with commas between them, each once, such as a,b; found {text!r}")
    return named


def _money(text: str) -> str:
    if not is_figure(text):
        raise argparse.ArgumentTypeError(f"must be an amount above 0 without a currency, such as 2.00; found {text!r}")
    return text


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workload", required=True, metavar="W", help="the InferenceWorkload whose model, objective, lengths and load are taken"
    )
    parser.add_argument("--pools", required=True, type=pools, metavar="A,B", help="the AcceleratorPools to compare")
    parser.add_argument(
        "--claim",
        action="append",
        default=[],
        metavar="CLAIM",
        help=f"a claim to be judged, once for each: {GRAMMAR}. Such as {EXAMPLES}. Default: those that the pools have for the model",
    )
    parser.add_argument("--budget", required=True, type=_money, metavar="MONEY", help="the most that it may cost, such as 2.00")
    parser.add_argument(
        "--duration",
        type=seconds,
        metavar="TIME",
        help="how long each pool is loaded, such as 20m; default: as long as the budget pays for",
    )
    parser.add_argument("--deadline", type=seconds, metavar="TIME", help="when it ends in any case, such as 2h, which is the default")
    parser.add_argument(
        "--live",
        action="store_true",
        help="measure a part of the users' own requests: each pool gets one replica that serves beside the others, by a move of the workload, one pool after "
        "the other. Its share is as large as that of each of the others, or behind a route (spec.traffic) by weights that begin small. While nothing can be "
        "read, or no operator runs, the replica stays and goes on costing, beyond the budget too; default: requests made for the trial, to replicas that "
        "serve nobody",
    )
    add_factors(parser, "each takes a fifth of the load more, and as much money")
    parser.add_argument("--name", metavar="NAME", help="of the trial; default: the workload's with a suffix made from the time")
    parser.add_argument("--no-follow", action="store_true", help="make it and end")
    add_interval(parser)


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.following import follow  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.gather import within  # noqa: PLC0415
    from steelyard.cli.starting import start  # noqa: PLC0415

    wanted = claims(arguments.claim, arguments.pools)
    connection, namespace = within(arguments)
    made = start(arguments, connection, namespace, wanted)
    if arguments.output == "json":
        from steelyard.cli.document import write_line  # noqa: PLC0415

        write_line("Trial", made.now, made)
    else:
        print(f"made AcceleratorTrial {made.namespace}/{made.name}", flush=True)
    if not arguments.no_follow:
        return follow(arguments, connection, made.namespace, made.name)
    if arguments.output != "json":
        print(f"`steelyard trial show {made.name} -n {made.namespace} -w` follows it")
    return OK


COMMAND = Command(
    name="trial start",
    summary="compare pools by a workload's model and promise: make an AcceleratorTrial and follow it",
    description="Make an AcceleratorTrial: one replica on each pool, which serves nobody, gets requests as long as the workload's own, or with --live a "
    "share of them, until the claims are judged, or its budget or its deadline ends. Then follow it: on a terminal it changes in place, elsewhere a line says what is new, with "
    "-o json one object a line. Ctrl-C leaves it running. Workload, pools, claims and budget of a trial cannot be changed.",
    add_arguments=_arguments,
    run=_run,
    exits=(
        (OK, "everything that was asked for is measured; with --no-follow: it was made"),
        (UNHEALTHY, "it ended before that"),
        (FAILED, "wrong usage, or the API server refused it; the message says why"),
        (INTERRUPTED, "left with Ctrl-C; the trial goes on"),
    ),
)
