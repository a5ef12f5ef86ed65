"""Is there a cheaper allocation, as measured? The chain of gates says whether a move to it may begin."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import MoveKind
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note
from steelyard.core.placing.fresh import unread
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.placing.outcome import Outcome
from steelyard.core.placing.repair import settling
from steelyard.core.placing.start_move import Plan, start_move
from steelyard.core.placing.supply import coming
from steelyard.core.rebalancing.alternative import Alternative
from steelyard.core.rebalancing.propose import Considered, cheaper
from steelyard.core.vocabulary.reading import Fresh
from steelyard.core.vocabulary.reason import Reason, Refusal


def improve(seen: Analysis) -> Outcome:
    """The move to the cheapest allocation that may be moved to, or why the workload stays."""
    grounds = grounds_of(seen)
    first = to_be_seen(seen)
    if first is not None or grounds is None:
        return Outcome.stay(seen.allocation, first or Refusal(Reason.WAITING, "nothing serves yet"))
    considered = cheaper(grounds)
    refusal = considered.review.verdict
    if refusal is not None:
        stays = Outcome.stay(seen.allocation, refusal, considered.review, considered.target.pool if considered.target else None)
        return replace(stays, wishes=considered.wishes)
    assert considered.alternative is not None
    return _begun(seen, considered, considered.alternative)


def to_be_seen(seen: Analysis) -> Refusal | None:
    """What has to be seen before anything is compared."""
    return next((found for ask in (unread, _cannot_cost, _starting, _resized) if (found := ask(seen)) is not None), None)


def _cannot_cost(seen: Analysis) -> Refusal | None:
    """What the members cost must be known."""
    for key in seen.allocation:
        option = seen.option(key.pool)
        if option is None:
            return Refusal(Reason.NO_POOL, f"pool {key.pool} does not exist any more: the workload keeps running where it is")
        if not isinstance(option.price, Fresh):
            return Refusal(Reason.PRICE_SUSPECT, f"pool {key.pool}: {option.price.why}")
    costed = seen.load is not None and all(o is not None and o.cost is not None for o in map(seen.option, _pools(seen)))
    return None if costed else Refusal(Reason.TOO_FEW_REQUESTS, "no complete window of traffic was measured yet")


def _starting(seen: Analysis) -> Refusal | None:
    """A replica on its way is waited for; one that will not come is not: elsewhere may be room."""
    return settling(seen.members) if any(coming(seen, p) > p.ready for p in seen.members) else None


def _resized(seen: Analysis) -> Refusal | None:
    """What a placement costs was measured with another number of replicas than it has now: what is compared has to be seen first."""
    for p in seen.members:
        last = next((w for w in reversed(seen.windows(p.key)) if w.steady), None)
        if last is not None and round(last.replicas) not in {p.ready, p.desired}:
            return Refusal(
                Reason.WAITING,
                f"what pool {p.key.pool} costs with {p.desired} replica(s) is measured first: the last whole window had {last.replicas:.0f}",
            )
    return None


def _pools(seen: Analysis) -> set[str]:
    return {key.pool for key in seen.allocation}


def _begun(seen: Analysis, considered: Considered, found: Alternative) -> Outcome:
    proposal, saving = considered.proposal, considered.proposal.saving
    assert saving is not None
    keys = {key.pool: key for key in seen.allocation}
    target = keys.get(found.target.pool) or PlacementKey(found.target.pool, found.target.candidate.revision or "")
    saves = f"saves {saving.point:.4g} [{saving.lower:.4g}, {saving.upper:.4g}] an hour"
    part = "" if found.whole else f", which takes {found.target_replicas} and leaves {found.source_replicas}"
    note = Note(Reason.MOVE_STARTED, f"{found.source} to {found.target.pool}{part}: {saves}")
    plan = Plan(
        source=keys[found.source],
        target=target,
        source_replicas=seen.allocation[keys[found.source]],
        source_goal=found.source_replicas,
        goal=max(1, found.target_replicas),
        base=found.base,
        extra=proposal.source_extra,
    )
    return Outcome.begin(seen.allocation, start_move(seen, MoveKind.REBALANCE, plan, note), note, considered.review)
