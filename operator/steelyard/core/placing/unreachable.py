"""Can no pool keep the promise? Then that is the answer, with the best that there is and the mildest objective that would hold."""

from __future__ import annotations

from math import floor as whole

from steelyard.core.facts.floor import Floor
from steelyard.core.facts.snapshot import Workload
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Eligible, Option, Refused
from steelyard.core.vocabulary.reason import AWAITED, Reason, Refusal


def unreachable(seen: Analysis) -> Refusal | None:
    """Why no pool meets the objective: every one that the workload may use was measured, and misses it at any load; None where one is not known
    to, or its artifact is still to come."""
    usable = [o for o in seen.options if o.candidate.pool.selected and _counts(o)]
    floors = [(o, o.known.floor) for o in usable if o.known is not None and o.known.floor is not None and _is_late(o)]
    if not usable or len(floors) < len(usable):
        return None
    best, floor = max(floors, key=lambda found: (found[1].share.point, found[0].pool))
    workload = seen.snapshot.workload
    asked = f"{100 * (1 - workload.allowed):.6g} %"
    within = _within(workload)
    if workload.several_shares:
        times = (1 - floor.share.point) / workload.allowed
        return Refusal(
            Reason.NO_POOL_MEETS_OBJECTIVE,
            f"no pool meets the objective{within}: {best.pool} comes nearest, and misses the tightest of its promises {times:.3g} times as often as that "
            "allows at any load; let more requests be late, or later (spec.objective.latency)",
        )
    return Refusal(
        Reason.NO_POOL_MEETS_OBJECTIVE,
        f"no pool meets the objective: {best.pool} comes nearest with {100 * floor.share.point:.4g} % of {asked}{within} at any load; "
        f"{_mildest(best, floor, workload)}",
    )


def _counts(option: Option) -> bool:
    """Whether the workload could run there, or will once what it waits for has come."""
    return isinstance(option, Eligible) or option.only_for_part or option.refusal.reason in AWAITED or _is_late(option)


def _is_late(option: Option) -> bool:
    return isinstance(option, Refused) and option.refusal.reason is Reason.CANNOT_MEET_OBJECTIVE


def _within(workload: Workload) -> str:
    told = [f"{o.metric} within {o.milliseconds} ms" for o in workload.latency]
    return f" ({', '.join(told)})" if told else ""


def _mildest(best: Option, floor: Floor, workload: Workload) -> str:
    """What spec.objective.latency could say there: fewer requests in the same time, or where it is known a longer time for 99 %."""
    percent = whole(1000 * floor.share.lower) / 10
    fewer = f"{percent:g} % would hold there" if percent > 0 else "hardly a request is in time there"
    p99, times = best.known.p99_milliseconds if best.known else None, [o.milliseconds for o in workload.latency]
    longer = f", or 99 % within {p99:.0f} ms" if p99 is not None and len(times) == 1 and p99 > times[0] else ""
    return f"{fewer}{longer} (spec.objective.latency)"
