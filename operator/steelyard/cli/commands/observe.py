"""`steelyard observe deployment/NAME`: the object of ten lines that measures a server which runs already."""

from __future__ import annotations

import argparse
import re

from steelyard.cli.command import FAILED, OK, Command
from steelyard.cli.observe_object import KINDS, LONGEST_NAME, PROFILES, named, workload_name
from steelyard.cli.promise import Promise, promise

HIGHEST_PORT = 65_535
UNITS = ("Seconds", "Milliseconds", "Microseconds")


def _object(text: str) -> tuple[str, str]:
    found = named(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"must be KIND/NAME, such as deployment/chat; KIND is one of {', '.join(KINDS)}; found {text!r}")
    return found


def _promise(text: str) -> Promise:
    found = promise(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"must be a time with its limit and a percentage below 100, such as e2e=200ms:99, ttft=1s:95 or itl=50ms:99; found {text!r}"
        )
    return found


def _name(text: str) -> str:
    if workload_name(text) != text:
        raise argparse.ArgumentTypeError(
            f"must be at most {LONGEST_NAME} lower case letters, digits and hyphens, a letter first, such as {workload_name(text)}; found {text!r}"
        )
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"must be 1 to {HIGHEST_PORT}, such as 8000; found {text!r}")
    return int(text)


def _label(text: str) -> tuple[str, str]:
    name, there, value = text.partition("=")
    if not there or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name):
        raise argparse.ArgumentTypeError(f"must be LABEL=VALUE, such as handler=/predict; found {text!r}")
    return name, value


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("object", type=_object, metavar="KIND/NAME", help="what runs already, such as deployment/chat")
    parser.add_argument(
        "--objective",
        action="append",
        default=[],
        type=_promise,
        metavar="PROMISE",
        help="what a good request is, once for each time: e2e=200ms:99 (99 %% of whole requests within 200 ms), ttft=1s:95, itl=50ms:99; default: "
        "e2e=1s:99, which it says is assumed",
    )
    parser.add_argument(
        "--profile", choices=tuple(PROFILES), help="the server whose metrics are read; default: what image and command tell"
    )
    parser.add_argument(
        "--port", type=_port, metavar="PORT", help="of its page of metrics; default: as annotation or arguments say, else the profile's"
    )
    names = parser.add_argument_group("metrics by name", "of a server that no profile is of, in place of --profile")
    names.add_argument("--requests", metavar="NAME", help="counter of finished requests, such as http_requests_total")
    names.add_argument(
        "--status-label", metavar="LABEL", help="its label with the HTTP status: 429 is a refusal, others from 400 on are errors"
    )
    names.add_argument("--errors", metavar="NAME", help="counter of failed requests that --requests does not count")
    names.add_argument("--refused", metavar="NAME", help="the same of requests that were turned away")
    names.add_argument("--latency", metavar="NAME", help="histogram of whole requests, without _bucket, for e2e")
    names.add_argument("--first-token", metavar="NAME", help="the same of first tokens, for ttft")
    names.add_argument("--token-gap", metavar="NAME", help="the same of the mean time between tokens of each request, for itl")
    names.add_argument("--unit", choices=UNITS, default=UNITS[0], help=f"what these histograms count in; default: {UNITS[0]}")
    names.add_argument(
        "--label",
        action="append",
        default=[],
        type=_label,
        metavar="LABEL=VALUE",
        help="which series of all of them are meant; may be repeated",
    )
    parser.add_argument("--name", type=_name, metavar="NAME", help="of the InferenceWorkload; default: the object's")
    parser.add_argument("--apply", action="store_true", help="make it, and say what to look at next")


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.gather import within  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.observing_object import observe  # noqa: PLC0415

    connection, namespace = within(arguments)
    return observe(arguments, connection, namespace)


COMMAND = Command(
    name="observe",
    summary="measure a server that runs already: print the object that does it, or make it",
    description="Look at a Deployment, StatefulSet, LeaderWorkerSet or InferenceService, say which server it seems to be and where its metrics are, and print "
    "an InferenceWorkload that measures it: ten lines, which change nothing of it. --apply makes it. What was found out goes to stderr, so that the "
    "output can be piped into `kubectl apply -f -`.",
    add_arguments=_arguments,
    run=_run,
    formats=("yaml", "json"),
    exits=((OK, "it is printed, or made"), (FAILED, "wrong usage, nothing tells which server it is, or the API server refused it")),
)
