"""A trial that is followed until it ends. Who leaves it before leaves it running."""

from __future__ import annotations

import argparse
import sys

from steelyard.cli.command import INTERRUPTED, OK, UNHEALTHY
from steelyard.cli.connection import Connection
from steelyard.cli.gather import gather_trial
from steelyard.cli.text.console import console
from steelyard.cli.text.trial import live, news, show
from steelyard.cli.view.trial import TrialView, trial_view
from steelyard.cli.watching import Watched, last


def follow(arguments: argparse.Namespace, connection: Connection, namespace: str, name: str) -> int:
    """The exit code: OK where all that was asked for is measured."""
    what = Watched(
        kind="Trial",
        read=lambda connection, _: trial_view(gather_trial(connection, namespace, name)),
        picture=live,
        news=news,
        whole=f"`steelyard trial show {name}`",
        over=lambda view: view.ended,
    )
    try:
        view = last(arguments, connection, namespace, what)
    except KeyboardInterrupt:
        print(
            f"\nThe trial goes on. `steelyard trial show {name} -n {namespace} -w` comes back to it, "
            f"`steelyard trial stop {name} -n {namespace}` ends it.",
            file=sys.stderr,
        )
        return INTERRUPTED
    if arguments.output != "json":
        show(console(), view)
    return exit_code(view)


def exit_code(view: TrialView) -> int:
    """One that goes on is as well as one that is decided."""
    return OK if view.decided or not view.ended else UNHEALTHY
