"""`steelyard trial start`, both ways: the AcceleratorTrial that it asks for, and the words that ask for a trial that is there."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from string import ascii_lowercase, digits

from steelyard.cli.claim_text import written
from steelyard.cli.duration import written as length
from steelyard.cli.facts.trial import LIVE, Trial
from steelyard.cli.group import API_VERSION, TRIAL
from steelyard.status.raw import Raw

DIGITS = digits + ascii_lowercase


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The words of the command. None and empty: left to the API, which has defaults."""

    name: str
    namespace: str
    workload: str
    pools: Sequence[str]
    claims: Sequence[Raw]
    budget: str
    duration: int | None
    deadline: int | None
    live: bool = False
    length_factors: Sequence[str] = ()


def manifest(asked: Asked) -> Raw:
    """The object."""
    load = {**({"mode": LIVE} if asked.live else {}), **({"lengthFactors": [*asked.length_factors]} if asked.length_factors else {})}
    more = {
        "load": load,
        "claims": [*asked.claims],
        "durationSeconds": asked.duration,
        "deadlineSeconds": asked.deadline,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": TRIAL.name,
        "metadata": {"name": asked.name, "namespace": asked.namespace},
        "spec": {
            "workloadName": asked.workload,
            "pools": [*asked.pools],
            "budget": asked.budget,
            **{field: value for field, value in more.items() if value},
        },
    }


def name_of(workload: str, now: datetime) -> str:
    """The workload and the second, so that trials of a workload differ and stand in order of time."""
    number, end = int(now.timestamp()), ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        end = f"{DIGITS[digit]}{end}"
    return f"{workload}-{end}"


def command(trial: Trial) -> str:
    """What to type for the same question again. Its claims get names from their texts."""
    words = ["steelyard", "trial", "start", "--namespace", trial.namespace, "--workload", trial.workload, "--pools", ",".join(trial.pools)]
    for claim in trial.claims:
        words += ["--claim", written(claim, trial.pools)]
    words += ["--live"] if trial.live else []
    words += ["--length-factors", ",".join(trial.length_factors)] if trial.length_factors else []
    words += ["--budget", "unknown" if trial.budget is None else f"{trial.budget:f}"]
    for option, seconds in (("--duration", trial.duration_seconds), ("--deadline", trial.deadline_seconds)):
        words += [] if seconds is None else [option, length(seconds)]
    return shlex.join(words)
