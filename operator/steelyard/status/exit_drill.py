"""The exit drill in a workload's status, written and read back, and what it reads of its trial's status."""

from __future__ import annotations

import math
from datetime import datetime

from steelyard.api.exit_drill import FAMILIES_MAX
from steelyard.core.facts import exit_drill as core
from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.trial import TrialPhase
from steelyard.core.vocabulary.reason import Reason
from steelyard.status.raw import Raw
from steelyard.status.read.exit_drill import Drill, ExitDrill, ExitProof
from steelyard.status.read.trial import PRESENT, TrialPool, trial_status
from steelyard.status.scalar import MESSAGE, count, decimals, time_text
from steelyard.status.trial_pool import remembered_capacity, remembered_price
from steelyard.status.value import interval, real, word


def written_exit_drill(memory: core.DrillMemory) -> Raw:
    """As it stands in the status."""
    out: Raw = {
        "wantedTime": time_text(memory.wanted),
        "reason": memory.reason,
        "message": memory.message[:MESSAGE],
        "proofs": [_proof_out(each) for each in memory.proofs[:FAMILIES_MAX]],
    }
    if memory.family is not None:
        out["from"] = memory.family
    if memory.next is not None:
        out["nextTime"] = time_text(memory.next)
    if memory.last is not None:
        out["last"] = _drill_out(memory.last)
    return out


def _drill_out(drill: core.Drill) -> Raw:
    out: Raw = {
        "name": drill.name,
        "fromPool": drill.source,
        "toPool": drill.target,
        "compares": drill.compares,
        "time": time_text(drill.time),
        "durationSeconds": drill.duration_seconds,
        "seen": drill.seen,
        "began": drill.began,
    }
    if drill.reason:
        out |= {"reason": drill.reason, "message": drill.message[:MESSAGE]}
    return out | decimals(spent=drill.spent)


def _proof_out(proof: core.ExitProof) -> Raw:
    out: Raw = {
        "from": proof.source_family,
        "to": proof.target_family,
        "fromPool": proof.source,
        "toPool": proof.target,
        "withinSeconds": count(proof.within_seconds),
        "provenTime": time_text(proof.time),
        "trialName": proof.trial,
    }
    if proof.compile_seconds is not None:
        out["compileSeconds"] = count(proof.compile_seconds)
    if proof.replicas is not None:
        out["replicas"] = proof.replicas
    if (cost := proof.cost) is not None and not math.isnan(cost.point + cost.lower + cost.upper):
        out |= decimals(costPercent=cost.point, costPercentLower=cost.lower, costPercentUpper=cost.upper)
        out |= {"basis": proof.basis.value} if proof.basis is not None else {}
    return out


def remembered_exit_drill(told: ExitDrill) -> core.DrillMemory | None:
    """None where it cannot be read back: the next pass begins anew, from the trials that are there."""
    reason = word(Reason, told.reason)
    if told.wanted is None or reason is None:
        return None
    return core.DrillMemory(
        wanted=told.wanted,
        reason=reason.value,
        message=told.message or "",
        family=told.family,
        next=told.next,
        last=None if told.last is None else _drill(told.last),
        proofs=tuple(found for each in told.proofs if (found := _proof(each)) is not None),
    )


def _drill(told: Drill) -> core.Drill | None:
    if not told.name or told.source is None or told.target is None or told.time is None or told.duration_seconds is None:
        return None
    reason = word(Reason, told.reason)
    return core.Drill(
        name=told.name,
        source=told.source,
        target=told.target,
        compares=bool(told.compares),
        time=told.time,
        duration_seconds=told.duration_seconds,
        seen=bool(told.seen),
        began=bool(told.began),
        # What has ended is not under way again, whatever word somebody wrote for it.
        reason=reason.value if reason is not None else Reason.STOPPED.value if told.reason is not None else "",
        message=told.message or "",
        spent=real(told.spent),
    )


def _proof(told: ExitProof) -> core.ExitProof | None:
    if not told.source_family or not told.target_family or told.source is None or told.target is None:
        return None
    if told.trial is None or told.proven is None or told.within_seconds is None:
        return None
    cost = interval(told.cost_percent, told.cost_lower, told.cost_upper)
    return core.ExitProof(
        source_family=told.source_family,
        target_family=told.target_family,
        source=told.source,
        target=told.target,
        trial=told.trial,
        time=told.proven,
        within_seconds=told.within_seconds,
        compile_seconds=told.compile_seconds,
        replicas=told.replicas,
        cost=cost,
        basis=word(Basis, told.basis) if cost is not None else None,
    )


def drill_trial_of(name: str, created: datetime, pools: tuple[str, ...], status: Raw) -> core.DrillTrial:
    """What one AcceleratorTrial tells a drill."""
    told = trial_status(status)
    end, over = told.end, told.end is not None
    return core.DrillTrial(
        name=name,
        created=created,
        pools=pools,
        finished=(word(Reason, end.reason) or Reason.STOPPED).value if end is not None else "",
        said=(end.message or "") if end is not None else "",
        began=told.started is not None,
        # What goes on is told once it has ended: what it costs meanwhile is no news for the workload.
        ended=told.ended,
        spent=real(told.spent) if over else None,
        load=real(told.load) if over else None,
        rows=tuple(_row(each) for each in told.pools) if over else (),
    )


def _row(told: TrialPool) -> core.DrilledPool:
    step = told.at(PRESENT)
    sent = step.requests if step is not None else None
    good = step.good_percent if step is not None else None
    return core.DrilledPool(
        pool=told.pool,
        measured=told.phase == TrialPhase.MEASURED.value,
        message=told.message or "",
        compile_seconds=told.compile_seconds,
        start_seconds=real(told.start_seconds),
        each=remembered_price(told),
        capacity=remembered_capacity(told),
        replicas=step.replicas if step is not None else None,
        requests=sent,
        bad=None if sent is None or good is None else round(sent * (100 - float(good)) / 100),
    )
