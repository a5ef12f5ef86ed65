"""Is there a pool that a person asks to be tried, or one whose trial is expected to pay?"""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.economics.money import written
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import MoveKind
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.asked_for import asked_for
from steelyard.core.placing.decision import Note
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.placing.outcome import Outcome
from steelyard.core.placing.start_move import Plan, start_move
from steelyard.core.rebalancing.chain import OF_THE_WORKLOAD
from steelyard.core.rebalancing.propose import Considered, first_of_each, trials, wished
from steelyard.core.vocabulary.reason import HOLDS, SETTLED, Reason


def explore(seen: Analysis, stays: Outcome) -> Outcome:
    """The first trial that may begin, where the workload would stay and nothing holds it, before all one that a person asks for; else the same. A
    trial that may not happen is news only where nothing measured is better anyway."""
    grounds = grounds_of(seen)
    refusal = stays.refusal
    if stays.move is not None or stays.review is None or refusal is None or grounds is None:
        return stays
    # A broken promise is a reason to look elsewhere, and none to stay.
    if refusal.reason in HOLDS - {Reason.SLO_AT_RISK}:
        return stays
    asked = asked_for(seen)
    if isinstance(asked, Considered) and asked.review.verdict is None:
        return _begun(seen, asked)
    first: Considered | None = None
    wishes = list(stays.wishes)
    for trial in trials(grounds):
        if trial.review.verdict is None:
            return _begun(seen, trial)
        # That a pool is not probed once more is no news: the load's noise opens and closes what a probe left open.
        if trial.target is not None and not trial.target.sure:
            first = first or trial
        if any(f.refusal is not None and f.gate in OF_THE_WORKLOAD for f in trial.review.findings):
            break  # So is every other trial, and none of them waits for its turn alone.
        # What is measured comes before what is tried; a trial is of one replica, and made for all that the plan has there.
        wishes += wished(trial, max(1, trial.proposal.planned or 0))
    stays = replace(stays, wishes=first_of_each(wishes))
    if first is None or first.review.verdict is None or first.target is None:
        return stays
    news = first.review.verdict.reason not in SETTLED - {Reason.NO_ROOM}
    if news and refusal.reason in SETTLED:
        return replace(Outcome.stay(stays.allocation, first.review.verdict, first.review, first.target.pool), wishes=stays.wishes)
    return stays


def _begun(seen: Analysis, trial: Considered) -> Outcome:
    proposal, target, keys = trial.proposal, trial.target, {key.pool: key for key in seen.allocation}
    assert target is not None
    source, standing = keys[proposal.source_pool], keys.get(target.pool)
    saves, price = proposal.expected_saving or 0.0, proposal.move_cost or 0.0
    asked = proposal.asked_by
    on = trial.probes[0].pool if trial.probes else target.pool
    how = f"{'a probe of ' if trial.probes else ''}one replica on {on}{'' if on == target.pool else f', to compare {target.pool} with'}"
    for_claim = "" if proposal.judges is None else f", to judge claim {proposal.judges}"
    why = f"expected saving {saves:.4g}" if asked is None else f"asked for by AcceleratorTrial {asked.name}"
    note = Note(Reason.EXPLORATION_STARTED, f"{how}: {why}, price at most {price:.4g}{for_claim}")
    plan = Plan(
        source=source,
        target=standing or PlacementKey(target.pool, target.candidate.revision or ""),
        source_replicas=seen.allocation[source],
        goal=max(1, seen.allocation.get(standing, 0)) if standing else 1,
        base=seen.allocation.get(standing, 0) if standing else 0,
        extra=proposal.source_extra,
        probe_seconds=sum(end.seconds for end in trial.probes) or None,
        reserved=None if proposal.move_cost is None else written(proposal.move_cost),
        deadline=trial.fitted.deadline if trial.fitted is not None else None,
        trial=asked,
    )
    return Outcome.begin(seen.allocation, start_move(seen, MoveKind.EXPLORATION, plan, note), note, trial.review)
