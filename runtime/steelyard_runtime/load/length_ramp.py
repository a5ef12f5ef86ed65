"""A ramp with all lengths times a factor, as a probe tells it beside its own: in short, since a termination message has little room for more."""

from dataclasses import dataclass, field
from math import isfinite

from prometheus_client.parser import text_string_to_metric_families

from steelyard_runtime.load.probed_step import ProbedStep

TRUNCATED = "steelyard_server_truncated_inputs_total"
"""Inputs that our own server has cut at the longest sequence that its model is compiled for."""
LONGEST_WHY = 160
"""Characters of a message."""
NO_ROOM = "its steps have no room in the result"


@dataclass
class LengthRamp:
    """Grows by one step at a time. `over`: no more of it is sent; `why`: it was not sent to its end, or says nothing."""

    factor: float
    steps: list[ProbedStep] = field(default_factory=list)
    over: bool = False
    why: str = ""

    def end(self, why: str = "", *, useless: bool = False) -> None:
        """No more of it is sent. useless: nor do its steps say anything."""
        self.over, self.why = True, why[:LONGEST_WHY]
        if useless:
            self.steps.clear()

    def told(self, *, whole: bool = True) -> dict[str, object]:
        """Return it as the result has it: each step as [rate, seconds, good, slow, failed, p50, p99], and of that of the highest rate in which the server was
        full its number, and how many answers came in each part of it. whole: False leaves the steps out, and says so."""
        behind = max((step for step in self.steps if step.behind), key=lambda step: step.rate, default=None)
        return {
            "factor": self.factor,
            "steps": [_brief(step) for step in self.steps] if whole else [],
            **({"finished": [self.steps.index(behind), *behind.finished]} if behind is not None and whole else {}),
            **({"over": True} if self.over else {}),
            **({"message": why} if (why := self.why or ("" if whole else NO_ROOM)) else {}),
        }


def _brief(step: ProbedStep) -> list[float | None]:
    outcomes = step.outcomes
    return [
        round(step.rate, 4),
        round(step.seconds, 2),
        outcomes["good"],
        outcomes["slow"],
        outcomes["error"] + outcomes["shed"],
        step.milliseconds(0.5),
        step.milliseconds(0.99),
    ]


def truncated(page: str) -> float | None:
    """Inputs that the server has cut since its start, by its page of metrics; None where it does not tell. Raises ValueError where it is no such page."""
    samples = (each.value for family in text_string_to_metric_families(page) for each in family.samples if each.name == TRUNCATED)
    return next((value for value in samples if isfinite(value)), None)


def were_cut(before: float | None, after: float | None) -> int | None:
    """Inputs that the server cut between two pages; 0 of one that never tells, None where one of the pages could not be read."""
    if before is None or after is None:
        return 0 if before is after else None
    return max(0, round(after - before))
