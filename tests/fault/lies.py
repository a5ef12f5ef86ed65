"""Pages of servers that lie, as vLLM's would be written, and what is said of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MANY = 300
"""Values of one label, more than a page may have of one metric."""
MILLION, OFTEN = 1_000_000, 150
"""So many requests too many each time that so many were answered, which takes less than a window."""


def exposition(answered: int) -> str:
    """The truth, as vLLM says it: three of four answers came within half a second."""
    fast = answered * 3 // 4
    name, labels = "vllm:e2e_request_latency_seconds", 'engine="0",model_name="m"'
    reasons = {"stop": answered, "length": 0, "abort": 0, "error": 0, "repetition": 0}
    lines = [f'vllm:request_success_total{{{labels},finished_reason="{reason}"}} {count}.0' for reason, count in reasons.items()]
    lines += [f'{name}_bucket{{{labels},le="{edge}"}} {count}.0' for edge, count in (("0.5", fast), ("1.0", answered), ("+Inf", answered))]
    lines += [
        f"{name}_count{{{labels}}} {answered}.0",
        f"{name}_sum{{{labels}}} {answered * 0.4}",
        f"process_cpu_seconds_total {answered / 100}",
    ]
    return "\n".join(lines) + "\n"


def nan(answered: int) -> str:
    """A count that is no number."""
    return exposition(answered).replace(f'finished_reason="stop"}} {answered}.0', 'finished_reason="stop"} NaN')


def exploded(answered: int) -> str:
    """Each user has a series of its own."""
    users = (f'vllm:request_success_total{{user="{n}",finished_reason="stop"}} {answered}.0' for n in range(MANY))
    return exposition(answered) + "\n".join(users) + "\n"


def without_infinity(answered: int) -> str:
    """A histogram that does not say how many there were in all."""
    return "".join(line for line in exposition(answered).splitlines(keepends=True) if 'le="+Inf"' not in line)


def back_and_forth(answered: int) -> str:
    """Two processes that answer in turn, of which one has had a tenth less."""
    return exposition(answered * (9 + answered % 2) // 10)


def leaping(answered: int) -> str:
    """A million more every now and then."""
    return exposition(answered + MILLION * (1 + answered // OFTEN))


def by_means(answered: int) -> str:
    """No lie, and yet nobody knows who was in time: Triton tells how long all of them took."""
    labels = 'model="m",version="1"'
    return f"""nv_inference_request_success{{{labels}}} {answered}
nv_inference_request_failure{{{labels},reason="OTHER"}} 0
nv_inference_request_duration_us{{{labels}}} {answered * 400_000}
"""


@dataclass(frozen=True)
class Lie:
    """`says`: the page, by how many requests were answered; `told`: what the condition Observed has to say. `doubted_later`: a window may be
    over before it has come back often enough."""

    says: Callable[[int], str]
    told: str
    doubted_later: bool = False


LIES = (
    Lie(nan, "says NaN for vllm:request_success_total"),
    Lie(exploded, "has more than 200 series of vllm:request_success_total: let the server give it fewer labels"),
    Lie(without_infinity, "has a histogram vllm:e2e_request_latency_seconds without the same edges up to +Inf in all its series"),
    Lie(back_and_forth, "its counters go back again and again", doubted_later=True),
    Lie(leaping, "its counters leapt, by "),
)
