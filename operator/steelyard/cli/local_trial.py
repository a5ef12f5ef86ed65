"""A trial on this machine: followed, shown and reported as any other."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from steelyard.cli.claim_text import claims
from steelyard.cli.command import INTERRUPTED
from steelyard.cli.following import exit_code
from steelyard.cli.gathered import GatheredTrial
from steelyard.cli.local_options import asked, command
from steelyard.cli.problem import Problem
from steelyard.cli.report_file import content, put
from steelyard.cli.text.console import console
from steelyard.cli.text.trial import live, news, show
from steelyard.cli.view.trial import TrialView, trial_view
from steelyard.cli.view.trial_report import trial_report
from steelyard.cli.watching import Following, follow
from steelyard.local.asked import NAMESPACE, Asked
from steelyard.local.machine import Machine, busy, this_machine
from steelyard.local.toolchains import INSTALL, Installed, NotTold, installed
from steelyard.local.trial import LocalTrial, local_trial
from steelyard.status.raw import Raw
from steelyard.status.scalar import time_text

SERVER = ("aiohttp", "obstore", "orjson", "prometheus_client", "safetensors", "tokenizers")
"""Packages without which nothing is served here, whatever compiled it."""
BUSY = 0.5
"""Processors' worth of other work, from which on it is told."""
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(arguments: argparse.Namespace) -> int:
    """The exit code."""
    toolchains = _toolchains()
    found, machine = claims(arguments.claim, arguments.pools), this_machine()
    wanted = asked(arguments, found)
    _require_place(arguments.report)
    about = _about(wanted, found, machine, command(arguments))
    keep = Path(arguments.keep) if arguments.keep else None
    seen: list[GatheredTrial] = []
    with _ends_are_interrupts():
        try:
            with local_trial(wanted, machine, toolchains, keep) as trial:
                what: Following[TrialView] = Following(
                    kind="Trial", picture=live, over=lambda view: view.ended, news=news, whole="a larger window"
                )
                view = follow(arguments.output, what, partial(_views, trial, about, seen, arguments.output != "json"))
        except KeyboardInterrupt:
            left = f"; what was compiled is in {keep}" if keep else ", and no file"
            print(f"\nEnded: no process of it is left{left}.", file=sys.stderr)
            return INTERRUPTED
    if arguments.output != "json":
        show(console(), view)
    if arguments.report:
        put(content(trial_report(seen[-1]), "html"), arguments.report)
        print(f"written: {arguments.report}", file=sys.stderr)
    return exit_code(view)


def _require_place(report: str | None) -> None:
    """Before a trial of many minutes, and not behind it."""
    if report is None or report == "-":
        return
    file = Path(report)
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise Problem(f"--report {report} cannot be written", "give a file in a folder that is there and that you may write to")


def _views(
    trial: LocalTrial, about: GatheredTrial, seen: list[GatheredTrial], often: bool, meanwhile: Callable[[], None]
) -> Iterator[tuple[TrialView, str | None]]:
    """seen: has what the last view is of. often: also where nothing is new, so that ages are as of now."""
    before: Raw | None = None
    for now, status in trial.looks():
        meanwhile()
        if status == before and not often:
            continue
        before = status
        metadata = {**about.trial["metadata"], "creationTimestamp": time_text(trial.created)}
        seen[:] = [replace(about, now=now, trial={**about.trial, "metadata": metadata, "status": status})]
        yield in_turns(trial_view(seen[-1])), None


def in_turns(view: TrialView) -> TrialView:
    """While one pool is loaded, the others wait: it takes the sum of their times."""
    if view.begin is None or view.load_seconds is None:
        return view
    each = timedelta(seconds=view.load_seconds + (view.length_seconds or 0))
    return replace(view, load_until=view.begin + len(view.pools) * each)


def _toolchains() -> Mapping[str, Installed]:
    lacks = [name for name in SERVER if find_spec(name) is None]
    if lacks:
        raise Problem(
            f"a trial on this machine serves the model here, and packages for that are not installed: {', '.join(lacks)}", INSTALL
        )
    try:
        return installed()
    except NotTold as error:
        raise Problem(f"the runtime does not run here: {error}", INSTALL) from error


def _about(wanted: Asked, found: Sequence[Raw], machine: Machine, words: str) -> GatheredTrial:
    """What of it does not change, as objects of a cluster would have it."""
    promised = wanted.objective
    objective = {"metric": promised.metric, "milliseconds": promised.milliseconds, "percent": f"{promised.percent:g}"}
    return GatheredTrial(
        now=datetime.now(UTC),
        trial={
            "metadata": {"namespace": NAMESPACE, "name": wanted.name},
            "spec": {
                "workloadName": wanted.name,
                "pools": [*wanted.pools],
                "claims": [*found],
                "durationSeconds": wanted.seconds,
                "deadlineSeconds": wanted.trial(datetime.now(UTC)).deadline_seconds,
            },
        },
        workload={"spec": {"model": {"uri": wanted.model.uri}, "objective": {"latency": [objective]}}},
        pools=(),
        notes=tuple(_doubts(wanted, machine)),
        command=words,
    )


def _doubts(wanted: Asked, machine: Machine) -> Iterator[str]:
    apart = (
        f"{machine.threads} of its processors served and one sent"
        if machine.apart
        else "the load was sent from the processors that served, and took from all of them alike"
    )
    yield (
        f"all of it ran on this machine ({machine.name}), in turns: a step of one pool, then of the next, never of two at once, so that what else "
        f"the machine did met all alike; {apart}. Another kind of machine may order them otherwise"
    )
    if (load := busy()) > BUSY:
        yield f"the machine was busy with {load:.1f} processors' worth of other work when it began: repeat it on one that is idle"
    unpriced = [pool for pool in wanted.pools if pool not in wanted.prices]
    if unpriced:
        yield f"the price of {', '.join(unpriced)} is not known, so neither is what a request costs: --price says what the machine costs an hour"


@contextmanager
def _ends_are_interrupts() -> Iterator[None]:
    """Whoever ends the command ends it as Ctrl-C does: what it started goes first. A second word changes nothing: it is ending."""

    def interrupt(_: int, __: FrameType | None) -> None:
        for each in ENDS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in ENDS}
    try:
        yield
    finally:
        for each, handler in before.items():
            if signal.getsignal(each) is interrupt:  # Else it ends, and nothing may keep it from that.
                signal.signal(each, handler)
