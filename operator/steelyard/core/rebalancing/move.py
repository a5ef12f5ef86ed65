"""A move, step by step. Where one Service spreads requests evenly, a step is a replica count; where a route has weights, it is a share of the requests
(`shares.py`), and replicas are added for it.

    (Probe ->) Surge -> Shift -> (Surge -> Shift ...) -> Bake -> Drain -> moved
        \\________\\________\\_______________\\_________\\______-> Back -> rolled back, or explored

Where the target's autoscaler is asked for capacity, nothing of all this is made before it has answered (`Move.asking`).
A trial begins with a probe where live traffic cannot show what a replica carries (`probing.py`): its target joins once it is known to be cheaper.
Target replicas are added one, then as many as `exposure.py` says, each time after a passing window, while the source keeps the full need, and more
where the target is slower (`equal_share.py`); the source is drained by as many as it says too, each time after a passing window. Without fresh readings on
both sides nothing changes. A crash of the target is a safety matter and needs no traffic to be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TypeAlias

from steelyard.core.facts.capacity_request import Answer, CapacityRequest
from steelyard.core.facts.memory import Move, MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import Rebalancing
from steelyard.core.planning.option import UNBOUNDED
from steelyard.core.planning.sizing import need
from steelyard.core.planning.weights import SAFE
from steelyard.core.rebalancing.chain import Review
from steelyard.core.rebalancing.cost_test import AMPLE, CostTest
from steelyard.core.rebalancing.exposure import joined, left
from steelyard.core.rebalancing.probing import Probing
from steelyard.core.rebalancing.shares import COMPARED, FIRST_LOOK, WHOLE, next_share, replicas_at, share_of
from steelyard.core.statistics.interval import LEAST_BLOCKS
from steelyard.core.statistics.sequential import Result, Test
from steelyard.core.vocabulary.reason import Reason, Refusal

_REPLACING = {MoveKind.REVISION, MoveKind.RESCUE}
"""Moves that go on at the user's limit, replica for replica, even where the load is too much for all of them."""
_SEEN_TO_FAIL = frozenset({Reason.VIOLATES_SLO, Reason.TARGET_CRASHED, Reason.TARGET_NOT_READY})
"""Reasons to go back that are about the target as it was measured."""
_FAILED = _SEEN_TO_FAIL | {
    Reason.TARGET_GONE,
    Reason.TOO_EXPENSIVE,
    Reason.PROBE_FAILED,
    Reason.DEADLINE_PASSED,
    Reason.WAITING_FOR_QUOTA,
    Reason.POOL_EXHAUSTED,
}
"""Reasons that speak against another try at once. A passed deadline does: without a back-off the same thin traffic is tried again at once, and again. A
person's trial tries a pool once, so that nothing has to back off from what was not measured."""
_EXPLORED = frozenset({Reason.NOT_CHEAPER, Reason.EXPLORED, Reason.FROZEN, Reason.NOT_ASKED_FOR})
"""Reasons to go back after which an exploration has found what it could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a move sees. `windows`: complete windows of the target since the step began; `test` and `cost`: over exactly those. `cost` None: the
    move is not made to save.

    `need_source`, `need_target`: replicas that carry the whole load alone. `load`: requests per second that must be carried, `busiest`: those of the
    busiest recent window; capacities per replica. `target_disturbed`: its newest window is of a crash and no evidence. `target_limit`: what one
    replica of it bears as measured; None where it was only seen to carry something. `room`: replicas of both together that the user allows.
    `source_most`: replicas that the source's pool has room for. `stopped`: a person said stop. `not_asked_for`: why nobody wants the target's
    revision, or the trial, any more. `others`: ready replicas that the move does not speak of, and `others_capacity` the smallest capacity among
    them; they take their share of the load. Where a route has weights, it is the mean of theirs.
    """

    now: datetime
    fresh: bool
    policy: Rebalancing
    bake_seconds: int
    source_ready: int
    source_pods: int
    target_ready: int
    target_pods: int
    target_crashing: int
    crash_message: str
    target_disturbed: bool = False
    unplaced_message: str = ""
    refused_nodes: str = ""
    """Why no node comes for those of its replicas that have none, where it was said."""
    target_queued: int = 0
    """Replicas of the target that wait for quota: nothing speaks against it, and nothing for it either."""
    queued_message: str = ""
    quota_given: datetime | None = None
    """When the last of its replicas that are not ready had its quota, where they had to ask for it."""
    target_exists: bool
    need_source: int
    need_target: int
    load: float
    busiest: float
    source_capacity: float | None
    target_capacity: float | None
    target_limit: float | None
    windows: int
    test: Test
    cost: CostTest | None
    target_good: int
    review: Review | None
    may_still_save: bool
    proven: bool = False
    """Whether the target has served outside of a move lately."""
    undecided: bool = False
    """Whether a claim that the trial is to judge has no verdict yet."""
    room: int = 1_000_000
    source_most: int = 1_000_000
    stopped: str | None = None
    not_asked_for: str | None = None
    others: int = 0
    others_capacity: float | None = None
    target_most: int = 1_000_000
    """Replicas of the target that its pool allows."""
    target_hopeless: bool = False
    """Whether the target is known to keep the promise at no load."""
    too_expensive: str | None = None
    """Why a rescue goes no further: what a request costs at the target, as measured, is above the user's ceiling."""
    alone: bool = False
    """Whether the others go with the source: so slow that by their equal part they would take more away than they carry."""
    probing: Probing = field(default_factory=Probing)
    """What the probe has told, while the move stands at it."""
    answered: bool = False
    """Whether the trial that a person asked for knows what it asks of the target."""
    part: float = 0.0
    """Of all requests, that the target gets by the weights as they stand."""
    not_shifted: str | None = None
    """Why the target's share does not count as shifted yet, where a route has weights."""
    capacity: CapacityRequest = field(default_factory=CapacityRequest)
    """What was answered, while the move asks."""
    not_picked: str | None = None
    """Why no first share is shifted: InferencePools are asked for, and requests are sent to Services."""

    @property
    def passed(self) -> bool:
        """The target was seen for a window or more, and keeps the promise."""
        return self.windows >= 1 and self.test.result is Result.PASS

    @property
    def not_cheaper(self) -> str | None:
        """The reason for which the target is not cheaper as measured; None where it is."""
        if self.review is None:
            return "the saving could not be judged"
        refusal = self.review.verdict
        return None if refusal is None else refusal.message

    @property
    def staying(self) -> Staying:
        """The replicas that serve while those of the source go."""
        return Staying(
            target=self.target_ready,
            target_capacity=self.target_capacity,
            others=self.others,
            others_capacity=self.others_capacity,
            alone=self.alone,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """The move is over. `quarantine`: the target failed and is not tried again at once. `target_kept`: replicas that stay there although the move
    went back, since the source does not get what it had."""

    outcome: Outcome
    reason: Reason
    message: str
    quarantine: bool
    target_kept: int = 0


Progress: TypeAlias = Move | Ended


def advance(move: Move, scene: Scene) -> Progress:
    """The same move, the next step, or the end. Total: every step answers for every scene."""
    if move.asking:
        return _ask(move, scene)
    if is_aside(move):
        return _aside(move, scene)
    left = _left(move, scene) if move.step is not Step.BACK else None
    if left is not None:
        return _back(move, scene, left.reason, left.message)
    if not scene.fresh:
        return move
    after = _STEPS[move.step](move, scene)
    # One crash is no verdict: a server that comes back is waited for until the deadline, one that keeps ending was left above.
    return _waiting_after_crash(move) if scene.target_disturbed and after == move and move.step is not Step.BACK else after


def _left(move: Move, scene: Scene) -> Refusal | None:
    """Why the move is left, whatever its step shows."""
    if scene.target_crashing > 0:
        return Refusal(Reason.TARGET_CRASHED, scene.crash_message or "containers on the target keep ending")
    if scene.not_asked_for is not None:
        return Refusal(Reason.NOT_ASKED_FOR, scene.not_asked_for)
    if not scene.target_exists:
        return Refusal(Reason.TARGET_GONE, f"pool {move.target.pool} or its artifact is gone")
    # While the source still has its full need going back is at hand; a drain under way is safer finished.
    if scene.stopped is not None and move.step is not Step.DRAIN:
        return Refusal(Reason.FROZEN, scene.stopped)
    return None


def _ask(move: Move, scene: Scene) -> Progress:
    """Nothing was made for the move yet, so that its end undoes nothing, and what it costs is counted from the answer on."""
    left, asked = _left(move, scene), scene.capacity
    if left is None and asked.answer is Answer.REFUSED:
        left = Refusal(Reason.POOL_EXHAUSTED, asked.said)
    if left is None and asked.answer is Answer.GIVEN and scene.fresh:
        begun = replace(move, asking=False, started=scene.now, deadline=move.deadline + (scene.now - move.started))
        return _to(begun, scene, move.step, Reason.STEP_STARTED, asked.said)
    if left is None and scene.now >= move.deadline:
        left = Refusal(Reason.DEADLINE_PASSED, f"at the deadline {asked.said}")
    if left is None:
        return replace(move, message=asked.said)
    return Ended(Outcome.ROLLED_BACK, left.reason, left.message, quarantine=_speaks_against(move, left.reason))


def is_aside(move: Move) -> bool:
    """Whether all that a move does is to probe a replica beside those that serve: its end undoes nothing, and sizing goes on meanwhile."""
    return move.step is Step.PROBE and move.target_base > 0


def _aside(move: Move, scene: Scene) -> Progress:
    probing = scene.probing
    if probing.done:
        return Ended(Outcome.EXPLORED, Reason.EXPLORED, probing.said, quarantine=False)
    if scene.stopped is not None:
        return Ended(Outcome.ROLLED_BACK, Reason.FROZEN, scene.stopped, quarantine=False)
    failed = probing.failed or probing.broken
    if failed is None and scene.now >= move.deadline:
        failed = f"the probe of pool {move.target.pool} had no result at the deadline"
    if failed is not None:
        return Ended(Outcome.ROLLED_BACK, probing.reason, failed, quarantine=False)
    return replace(move, reason=Reason.STEP_STARTED, message=probing.said) if probing.said else move


def _waiting_after_crash(move: Move) -> Move:
    said = f"a server on {move.target.pool} ended and was started again: what was late or refused meanwhile is no evidence, and a window after it is waited for"
    return replace(move, reason=Reason.TARGET_CRASHED, message=said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """What serves while source replicas go: ready replicas of the target, and `others` that the move does not speak of, with the smallest capacity
    (requests per second) of each, None where it is not known. `alone`: the others go with the source."""

    target: int
    target_capacity: float | None
    others: int = 0
    others_capacity: float | None = None
    alone: bool = False

    @property
    def smallest(self) -> float | None:
        """The capacity of the slowest of them, which bounds an equal part of the load; None where the target's is not known."""
        if self.target_capacity is None or self.others_capacity is None or not self.others:
            return self.target_capacity
        return min(self.target_capacity, self.others_capacity)

    def carry(self, load: float) -> bool:
        """They carry the load together, in equal parts."""
        return (self.others + self.target) * (self.smallest or 0.0) >= load

    def carry_alone(self, load: float) -> bool:
        """They carry the load without the source: together, or the target by itself where the others go as well."""
        return self.carry(load) or (self.alone and self.target * (self.target_capacity or 0.0) >= load)


def next_source_count(current: int, source_capacity: float | None, staying: Staying, load: float, least: int = 0) -> int:
    """The next smaller number of source replicas, not below `least`, at which no replica of any pool is overloaded (invariant I1).

    Every replica gets the same part of the load, and while any source replica is left that must not exceed the smallest capacity. Where
    one source replica less would overload the slower ones, all that are left go together: without them only the others' capacity counts.
    Where nobody knows what is carried they go one by one.
    """
    if current <= least:
        return current
    smallest, beside = staying.smallest, staying.others + staying.target
    if source_capacity is None or smallest is None:
        return current - 1
    kept = max(1, least, left(current, beside), need(load, min(source_capacity, smallest), 1, UNBOUNDED) - beside)
    if kept < current:
        return kept
    return least if least == 0 and staying.carry_alone(load) else current


def _probe(move: Move, scene: Scene) -> Progress:
    """Nobody is served by the target yet: what breaks there harms no user, and what is not cheaper never joins."""
    probing = scene.probing
    if probing.broken is not None:
        return _back(move, scene, Reason.VIOLATES_SLO, probing.broken)
    if probing.failed is not None:
        return _back(move, scene, probing.reason, probing.failed)
    if probing.done:
        return _judge_probed(move, scene)
    if scene.now >= move.deadline:
        return _back(move, scene, probing.reason, f"the probe of pool {move.target.pool} had no result at the deadline")
    return replace(move, reason=Reason.STEP_STARTED, message=probing.said) if probing.said else move


def _join_for_trial(move: Move, scene: Scene) -> Progress:
    """Its target keeps the promise, as probed: one replica joins, whatever it costs, where the money that was set aside pays for that."""
    refusal, fitted = scene.review.verdict if scene.review is not None else None, scene.probing.fitted
    if refusal is not None or fitted is None:
        why = refusal or Refusal(Reason.OBSERVATIONS_STALE, "what serves could not be seen")
        return _back(move, scene, why.reason, f"{scene.probing.said}; {why.message}")
    extra = scene.probing.extra
    first = replace(
        move,
        source_replicas=move.source_replicas + extra,
        target_replicas=move.target_base + (0 if extra else 1),
        deadline=fitted.deadline,
        reserved=fitted.reserved,
    )
    return _to(first, scene, Step.SURGE, Reason.STEP_STARTED, f"{scene.probing.said}; one replica joins")


def _judge_probed(move: Move, scene: Scene) -> Progress:
    if move.trial is not None:
        return _join_for_trial(move, scene)
    said, why = scene.probing.said, scene.not_cheaper
    if why is not None:
        return _back(move, scene, Reason.NOT_CHEAPER, f"{said}; {why}")
    goal, extra = max(1, scene.need_target), scene.probing.extra
    first = replace(
        move,
        kind=MoveKind.REBALANCE,
        target_goal=goal,
        source_replicas=move.source_replicas + extra,
        target_replicas=move.target_base + (0 if extra else 1),
    )
    return _to(first, scene, Step.SURGE, Reason.CHEAPER_AS_MEASURED, f"{said}, and is cheaper so; the first of {goal} replica(s) joins")


def _surge(move: Move, scene: Scene) -> Progress:
    if move.target_replicas <= move.target_base:
        return _room_made(move, scene)
    if _there(move, scene) >= move.target_replicas:
        if scene.not_picked is not None:
            late = scene.now >= _surged_by(move, scene)
            return _back(move, scene, Reason.INFERENCE_POOL_NOT_ACCEPTED, scene.not_picked) if late else move
        if move.share is not None:
            return _to_next_share(move, scene)
        return _to(move, scene, Step.SHIFT, Reason.STEP_STARTED, f"{scene.target_ready} replica(s) on {move.target.pool} take traffic")
    if scene.refused_nodes:
        return _back(
            move, scene, Reason.POOL_EXHAUSTED, f"{_ready_of(move, scene)}, and no node comes for the others: {scene.refused_nodes}"
        )
    if scene.now >= _surged_by(move, scene):
        return _late(move, scene, Reason.TARGET_NOT_READY, f"{_ready_of(move, scene)} at the deadline{_and(scene.unplaced_message)}")
    return move


def _there(move: Move, scene: Scene) -> int:
    """Replicas of the target that hold up no step. Of a new revision those that wait for quota do not, as long as one is ready: the old one may hold
    the quota that they wait for, and what goes of it is bounded by what is ready in any case."""
    passes = move.kind is MoveKind.REVISION and scene.target_ready > move.target_base
    return scene.target_ready + (scene.target_queued if passes else 0)


def _ready_of(move: Move, scene: Scene) -> str:
    return f"{scene.target_ready} of {move.target_replicas} replicas on {move.target.pool} were ready"


def _late(move: Move, scene: Scene, reason: Reason, why: str) -> Progress:
    """Its time is over. Where replicas of the target never had their quota, that is all that is known of it."""
    if scene.target_queued:
        return _back(move, scene, Reason.WAITING_FOR_QUOTA, f"{_ready_of(move, scene)} at the deadline: the others {scene.queued_message}")
    return _back(move, scene, reason, why)


def _room_made(move: Move, scene: Scene) -> Progress:
    """The source grows before the first replica of a slower target joins."""
    ready = f"{scene.source_ready} of {move.source_replicas} replicas on {move.source.pool} are ready"
    if scene.source_ready >= move.source_replicas:
        first = replace(move, target_replicas=move.target_base + 1)
        return _to(
            first, scene, Step.SURGE, Reason.STEP_STARTED, f"{ready}: an equal part of the load is not too much for {move.target.pool}"
        )
    return _back(move, scene, Reason.SOURCE_NOT_GROWN, ready) if scene.now >= _surged_by(move, scene) else move


def _surged_by(move: Move, scene: Scene) -> datetime:
    """When what starts is waited for no longer. A person's trial may have requests for half a day, and its start no more time than any other's.

    The time to start is counted from the moment at which a replica had its quota, and the wait for that is bounded by the same time before. A trial's
    is not: its deadline bounds what it costs.
    """
    if move.trial is not None:
        return min(move.deadline, move.step_time + timedelta(seconds=scene.policy.exploration_deadline_seconds))
    if move.kind is MoveKind.EXPLORATION or scene.quota_given is None:
        return move.deadline
    return max(move.deadline, min(scene.quota_given, move.deadline) + timedelta(seconds=scene.policy.deadline_seconds))


def _room(move: Move, scene: Scene) -> int:
    """Replicas that may be added beside all that there are."""
    return max(0, min(scene.target_most - move.target_replicas, scene.room - move.source_replicas - move.target_replicas - scene.others))


def _rescued(move: Move, scene: Scene) -> Progress:
    """The target of a rescue is held against the promise alone. Misses of too much load for it are met by more replicas there, as long as these
    can help; where it keeps the promise it grows at once to what carries the load, and the source is drained: nobody waits for a saving."""
    if scene.test.result is Result.FAIL:
        return _missed(move, scene)
    if scene.passed:
        if scene.too_expensive is not None:
            return _back(move, scene, Reason.TOO_EXPENSIVE, scene.too_expensive)
        goal = max(move.target_goal, scene.need_target)
        more = min(goal - move.target_replicas, _room(move, scene))
        if more > 0:
            return _grown(replace(move, target_goal=goal), scene, more)
        return _drain_next(replace(move, target_goal=goal), scene)
    if scene.now >= move.deadline:
        return _back(move, scene, Reason.DEADLINE_PASSED, _counts(scene.test))
    return move


def _missed(move: Move, scene: Scene) -> Progress:
    """Whether it is the load's fault is seen after a few windows."""
    if scene.target_hopeless or (scene.windows >= LEAST_BLOCKS and not _room(move, scene)):
        return _back(move, scene, Reason.VIOLATES_SLO, _counts(scene.test))
    if scene.windows < LEAST_BLOCKS:
        return move
    return _grown(move, scene, min(move.target_replicas, _room(move, scene)))


def _grown(move: Move, scene: Scene, more: int) -> Move:
    grown = replace(move, target_replicas=move.target_replicas + more)
    goal = max(grown.target_goal, grown.target_replicas)
    said = f"{grown.target_replicas} of {goal} replica(s) on {move.target.pool}"
    return _to(replace(grown, target_goal=goal), scene, Step.SURGE, Reason.STEP_STARTED, said)


def _more(move: Move, scene: Scene, goal: int) -> int:
    """Replicas of the target more: as many as join next, and no more than are needed or have room. Where the user's limit leaves no room for both in
    full, the drain makes it: the target grows as the source goes."""
    passed, beside = move.target_replicas - move.target_base, move.source_replicas + scene.others + move.target_base
    room = _beside_source(move, scene) - move.target_replicas
    return max(0, min(joined(passed, beside, goal - move.target_base, proven=scene.proven) - passed, room))


def _beside_source(move: Move, scene: Scene) -> int:
    """Replicas that the target may have: what the user allows beside the source, and no more than others leave room for."""
    return min(scene.room - move.source_replicas, scene.target_most)


def _shift(move: Move, scene: Scene) -> Progress:
    if move.kind is MoveKind.RESCUE:
        return _rescued(move, scene)
    if scene.test.result is Result.FAIL:
        return _fail(move, scene)
    return _partly(move, scene) if move.share is not None and move.share < WHOLE else _wholly(move, scene)


def _wholly(move: Move, scene: Scene) -> Progress:
    """All that is to move goes to the target, as far as there are replicas of it."""
    if move.trial is not None:
        return _shown(move, scene)
    if _dearer(move, scene):
        return _back(move, scene, Reason.NOT_CHEAPER, str(scene.cost))
    if scene.passed and scene.not_shifted is None:
        if move.kind is not MoveKind.EXPLORATION:
            return _join_next(move, scene)
        if _is_measured(move, scene):
            return _judge(move, scene)
    return _out_of_time(move, scene) if scene.now >= move.deadline else move


def _join_next(move: Move, scene: Scene) -> Move:
    """The next replicas of the target join; once all have, both pools carry the load for a while. Where the user's limit leaves no room
    for both in full, the drain makes it: the target grows as the source goes."""
    goal = max(move.target_goal, scene.need_target)
    more = _more(move, scene, goal)
    if more > 0:
        return _grown(replace(move, target_goal=goal), scene, more)
    return _to(move, scene, Step.BAKE, Reason.STEP_STARTED, f"both pools carry the load for {scene.bake_seconds} s")


def _is_measured(move: Move, scene: Scene) -> bool:
    """A trial can be judged. It pays for knowing, so it is once its windows show their own spread, or its time is up."""
    known = scene.windows >= LEAST_BLOCKS or scene.now >= move.deadline
    return known and scene.target_good >= scene.policy.min_good_requests


def _out_of_time(move: Move, scene: Scene) -> Move:
    """The step has no time left, and no verdict by which it could go on."""
    if _asked_for(move, scene):
        return _to(move, scene, Step.BAKE, Reason.STEP_STARTED, f"nothing speaks against the new revision: {_counts(scene.test)}")
    return _back(
        move, scene, Reason.DEADLINE_PASSED, f"{_counts(scene.test)}; {scene.target_good} good requests measured on {move.target.pool}"
    )


def _partly(move: Move, scene: Scene) -> Progress:
    """A part of the requests that are to move goes to the target."""
    over = scene.now >= move.deadline
    if move.trial is not None and (scene.answered or over):
        return _shown(move, scene)
    if _dearer(move, scene):
        return _back(move, scene, Reason.NOT_CHEAPER, str(scene.cost))
    return _short_of_the_whole(move, scene) if over else _further(move, scene)


def _further(move: Move, scene: Scene) -> Progress:
    """The next share of the requests, once the present one is served and has passed; replicas come first where it needs more than there are."""
    assert move.share is not None
    if scene.not_shifted is not None:
        return replace(move, message=scene.not_shifted)
    if not _has_passed(move, scene, move.share):
        return move
    if move.kind is MoveKind.EXPLORATION:
        goal, wanted = move.target_goal, 1
    else:
        goal, after = max(move.target_goal, scene.need_target), next_share(move.share, proven=scene.proven)
        wanted = replicas_at(after, goal - move.target_base, scene.load, scene.target_capacity)
    more = min(move.target_base + wanted - move.target_replicas, _room(move, scene))
    if more > 0:
        return _grown(replace(move, target_goal=goal), scene, more)
    return _to_next_share(replace(move, target_goal=goal), scene)


def _has_passed(move: Move, scene: Scene, share: int) -> bool:
    """The requests that were served at this share allow a larger one."""
    if scene.windows < 1:
        return False
    # One replica that is tried gets at most what one Service would send it at once.
    if share > FIRST_LOOK and move.kind is not MoveKind.EXPLORATION and scene.test.result is not Result.PASS:
        return False
    # What both cost is compared while both serve.
    return share != COMPARED or move.kind is not MoveKind.REBALANCE or _decided(scene, Result.PASS)


def _to_next_share(move: Move, scene: Scene) -> Move:
    """A rescue leaves what does not keep the promise: it goes as far as what is ready there carries."""
    assert move.share is not None
    share = WHOLE if move.kind is MoveKind.RESCUE else next_share(move.share, proven=scene.proven)
    said = f"{share} % of the requests that are to move go to {scene.target_ready} replica(s) on {move.target.pool}"
    return _to(replace(move, share=share), scene, Step.SHIFT, Reason.STEP_STARTED, said)


def _short_of_the_whole(move: Move, scene: Scene) -> Progress:
    """The time of a step is over at a share of the requests."""
    if _asked_for(move, scene) and scene.not_shifted is None:
        said = f"nothing speaks against the new revision at {move.share} % of the requests: {_counts(scene.test)}"
        return _to(replace(move, share=WHOLE), scene, Step.SHIFT, Reason.STEP_STARTED, said)
    if scene.not_shifted is not None:
        return _back(move, scene, Reason.SHARE_NOT_SERVED, scene.not_shifted)
    seen = f"{_counts(scene.test)} at {move.share} % of the requests"
    return _back(move, scene, Reason.DEADLINE_PASSED, f"{seen}; {scene.cost}" if move.share == COMPARED and scene.cost else seen)


def _shown(move: Move, scene: Scene) -> Progress:
    """A person asks what the target shows, and for no move: it goes back when that is known or its time is over, and what was found is for the next
    decision to use."""
    told = f"{_counts(scene.test)}; {scene.target_good} good requests measured on {move.target.pool}"
    if scene.answered:
        return _back(move, scene, Reason.EXPLORED, f"the trial knows what it asks: {told}")
    if scene.now >= move.deadline:
        enough = scene.target_good >= scene.policy.min_good_requests
        return _back(move, scene, Reason.EXPLORED if enough else Reason.DEADLINE_PASSED, f"its time is over: {told}")
    return move


def _asked_for(move: Move, scene: Scene) -> bool:
    """A revision is the user's wish, not ours: with too little traffic for a verdict it goes on once its time is up and it runs."""
    return move.kind is MoveKind.REVISION and scene.windows >= 1 and _there(move, scene) >= move.target_replicas


def _judge(move: Move, scene: Scene) -> Progress:
    in_time = scene.now < move.deadline
    if scene.undecided and in_time:
        return move  # However cheap the target is: once the source is gone, what it costs is measured no more.
    why = scene.not_cheaper
    if why is None:
        return _cheaper(move, scene)
    if scene.may_still_save and in_time and not _decided(scene, Result.FAIL):
        return move
    return _back(move, scene, Reason.NOT_CHEAPER, why)


def _cheaper(move: Move, scene: Scene) -> Move:
    """The trial becomes a move, since its target is cheaper."""
    goal, said = max(1, scene.need_target), f"{move.target.pool} is cheaper as measured"
    on = replace(move, kind=MoveKind.REBALANCE, target_goal=goal)
    if move.share is not None:
        return _to(replace(on, share=share_of(scene.part)), scene, Step.SHIFT, Reason.CHEAPER_AS_MEASURED, said)
    more = _more(move, scene, goal)
    if more > 0:
        on = replace(on, target_replicas=move.target_replicas + more)
        return _to(on, scene, Step.SURGE, Reason.CHEAPER_AS_MEASURED, f"{said}; {on.target_replicas} of {goal} replica(s)")
    return _to(on, scene, Step.BAKE, Reason.CHEAPER_AS_MEASURED, f"{said}; both pools carry the load for {scene.bake_seconds} s")


def _dearer(move: Move, scene: Scene) -> bool:
    """A trial that is surely dearer is measured to its end all the same: a pool that is not known would be tried again."""
    return move.kind is MoveKind.REBALANCE and _decided(scene, Result.FAIL)


def _decided(scene: Scene, word: Result) -> bool:
    return scene.cost is not None and scene.cost.result is word


def _bake(move: Move, scene: Scene) -> Progress:
    if scene.test.result is Result.FAIL:
        return _fail(move, scene)
    if _dearer(move, scene):
        return _back(move, scene, Reason.NOT_CHEAPER, str(scene.cost))
    # With weights the source serves nothing by now, and what both cost was compared before.
    cheaper = move.kind is not MoveKind.REBALANCE or move.share is not None or _decided(scene, Result.PASS)
    if cheaper and _is_baked(move, scene):
        after = _drain_next(move, scene)
        if after != move:
            return after
    if scene.now >= move.deadline:
        ready = _ready_of(move, scene)
        return _late(move, scene, Reason.DEADLINE_PASSED, ready if cheaper else f"{ready}; {scene.cost}")
    return move


def _is_baked(move: Move, scene: Scene) -> bool:
    """The target has carried its part with all of its replicas, for as long as a bake takes."""
    if scene.now - move.step_time < timedelta(seconds=scene.bake_seconds):
        return False
    return scene.windows >= 1 and _there(move, scene) >= move.target_replicas and scene.not_shifted is None


def _drain(move: Move, scene: Scene) -> Progress:
    failed = scene.test.result is Result.FAIL
    # What a rescue leaves did not keep the promise either: the rest of it goes on making room.
    if failed and (scene.target_hopeless or move.kind is not MoveKind.RESCUE):
        return _fail(move, scene)
    goal = min(max(move.target_goal, scene.need_target, move.target_replicas + int(failed)), _beside_source(move, scene))
    if goal > move.target_replicas:
        grown = replace(move, target_replicas=goal, target_goal=max(goal, move.target_goal))
        return _to(grown, scene, Step.DRAIN, Reason.STEP_STARTED, _counts(scene.test)) if failed else grown
    if _is_settled(move, scene):
        after = _moved(move, scene) if move.source_replicas <= move.source_goal else _drain_next(move, scene)
        if after != move:
            return after
    if scene.now >= move.deadline:
        return _late(move, scene, Reason.DEADLINE_PASSED, _counts(scene.test))
    return move


def _is_settled(move: Move, scene: Scene) -> bool:
    """The drain's last step is complete, and the target was judged since. A failure counts: a drain that asks goes on in spite of it."""
    if scene.source_pods > move.source_replicas or _there(move, scene) < move.target_replicas:
        return False
    told = scene.windows >= 1 and scene.test.result is not Result.INCONCLUSIVE
    # A revision has had its verdict, or its time, in Shift; from there on only a failure stops it.
    return told or _asked_for(move, scene)


def _moved(move: Move, scene: Scene) -> Ended:
    carries = "carries the whole load" if move.source_goal == 0 else f"and {move.source_replicas} on {move.source.pool} carry the load"
    said = f"{move.target.pool} {carries} with {scene.target_ready} replica(s)"
    return Ended(Outcome.MOVED, Reason.MOVED, said, quarantine=False)


def _drain_next(move: Move, scene: Scene) -> Move:
    """The source shrinks. Where it cannot, the target grows first; where that cannot either, the source keeps what it has."""
    kept = _source_left(move, scene)
    if kept != move.source_replicas:
        shrunk = replace(move, source_replicas=kept)
        return _to(shrunk, scene, Step.DRAIN, Reason.STEP_STARTED, f"{move.source.pool} keeps {kept} replica(s)")
    if move.source_goal > 0 or move.target_replicas >= scene.target_most:
        # The target is as large as it may be: what the source still carries, it keeps, and where that is all of it the drain is over at once.
        over = replace(move, source_goal=kept)
        said = f"{move.source.pool} keeps all of its {kept} replica(s)"
        return over if move.step is Step.DRAIN else _to(over, scene, Step.DRAIN, Reason.STEP_STARTED, said)
    more = max(move.target_replicas + 1, ceil(scene.load / scene.target_capacity) if scene.target_capacity else 0)
    more = max(move.target_replicas, min(more, _beside_source(move, scene)))
    return replace(move, target_replicas=more, target_goal=max(more, move.target_goal))


def _source_left(move: Move, scene: Scene) -> int:
    """The number of replicas that the source keeps in the next step."""
    if move.kind is MoveKind.RESCUE and _carries(move, scene):
        kept = move.source_goal
    elif move.share is None:
        kept = next_source_count(move.source_replicas, scene.source_capacity, scene.staying, scene.load, move.source_goal)
    else:
        kept = _source_by_weight(move, scene)
    full = move.source_replicas + move.target_replicas >= scene.room
    if move.kind in _REPLACING and full and scene.target_ready + move.source_replicas > move.target_goal:
        # As many replicas as before the move remain: even a workload that is overloaded at its limit gets its new revision.
        return min(kept, move.source_replicas - 1)
    return kept


def _source_by_weight(move: Move, scene: Scene) -> int:
    """Replicas of the source to keep where it is sent no more than its goal's part: as soon as the rest carries the load none above the goal, and one
    less at a time while it is not known what that carries. Where the target has no room for all of its replicas beside it, as few as leave nobody asked
    for more than SAFE of what is ready."""
    kept = min(move.source_replicas, move.source_goal)
    if scene.target_capacity is None:
        return max(move.source_replicas - 1, kept)
    carried, each = _carried_by_weight(scene), scene.source_capacity or 0.0
    if scene.target_ready < move.target_goal and _beside_source(move, scene) <= move.target_replicas:
        kept = next((n for n in range(kept, move.source_replicas) if SAFE * (carried + n * each) >= scene.load), kept)
    return kept if carried + kept * each >= scene.load else move.source_replicas


def _carried_by_weight(scene: Scene) -> float:
    """Requests per second that target and others carry where each gets its part by capacity."""
    return scene.target_ready * (scene.target_capacity or 0.0) + scene.others * (scene.others_capacity or 0.0)


def _carries(move: Move, scene: Scene) -> bool:
    """Whether the target and the others carry the load without the source."""
    if move.share is not None:
        return _carried_by_weight(scene) >= scene.load
    return scene.staying.carry(scene.load)


def _return(move: Move, scene: Scene) -> Progress:
    wanted = _wanted_back(move, scene)
    if wanted > move.source_replicas:
        return replace(move, source_replicas=wanted)
    # What the target carries must be carried by the source first; while the source cannot, the target stays.
    if move.target_replicas > move.target_base and scene.source_ready < wanted:
        return _stranded(move, scene) if scene.now >= move.deadline else move
    # What the source has no room for is not taken from the target.
    kept = move.target_replicas if scene.need_source > wanted else move.target_base
    if move.target_replicas > kept:
        return replace(move, target_replicas=kept, message=f"{move.target.pool} is emptied; {move.source.pool} carries the load")
    if scene.target_pods > kept:
        # What the source does not carry keeps replicas of the target, however long that is waited for.
        late = scene.now >= move.deadline and scene.source_ready < max(scene.need_source, move.source_replicas)
        return _stranded(move, scene) if late else move
    return _gone_back(move, move.message, kept)


def _wanted_back(move: Move, scene: Scene) -> int:
    """The number of replicas that the source gets again: as many as carry the load, and no more than there is room for."""
    return min(scene.need_source, max(scene.source_most, move.source_replicas))


def _stranded(move: Move, scene: Scene) -> Ended:
    """The source does not come back: what carries the load meanwhile stays, and the questions decide what becomes of it."""
    ready = f"{scene.source_ready} of {scene.need_source} replicas on {move.source.pool} came back"
    kept = max(move.target_replicas, scene.target_pods)
    said = f"{move.message}; {ready} by the deadline, and {move.target.pool} keeps {kept}"
    return _gone_back(move, said, kept)


def _gone_back(move: Move, said: str, kept: int) -> Ended:
    reason = move.back_reason or Reason.NOT_CHEAPER
    explored = reason in _EXPLORED and move.kind is MoveKind.EXPLORATION
    outcome = Outcome.EXPLORED if explored else Outcome.ROLLED_BACK
    return Ended(outcome, reason, said, quarantine=_speaks_against(move, reason), target_kept=kept if kept > move.target_base else 0)


def _speaks_against(move: Move, reason: Reason) -> bool:
    """Whether a move that ends for it is not tried again at once."""
    return reason in (_FAILED if move.trial is None else _SEEN_TO_FAIL)


def _fail(move: Move, scene: Scene) -> Move:
    part = scene.busiest / max(1, scene.source_ready + scene.target_ready + scene.others)
    if move.kind not in _REPLACING and scene.target_limit is not None and part > scene.target_limit:
        said = f"{part:.3g} requests/s for each replica, and one on {move.target.pool} carries {scene.target_limit:.3g}"
        return _back(move, scene, Reason.TARGET_OVERLOADED, f"{said}; {_counts(scene.test)}")
    return _back(move, scene, Reason.VIOLATES_SLO, _counts(scene.test))


def _back(move: Move, scene: Scene, reason: Reason, why: str) -> Move:
    share, replicas = None if move.share is None else 0, max(move.source_replicas, _wanted_back(move, scene), 1)
    whole = replace(move, source_replicas=replicas, back_reason=reason, share=share)
    # The target may go at once only when it is known that the source carries the load: an unread load is not a small one.
    if scene.fresh and scene.source_ready >= max(whole.source_replicas, scene.need_source):
        whole = replace(whole, target_replicas=min(whole.target_replicas, whole.target_base))
    return _to(whole, scene, Step.BACK, reason, why)


def _to(move: Move, scene: Scene, step: Step, reason: Reason, message: str) -> Move:
    # A trial's deadline is one for all of its steps; a move's is one a step, since its length grows with the replicas.
    deadline = move.deadline
    if move.kind is not MoveKind.EXPLORATION:
        seconds = scene.policy.deadline_seconds
        if step is Step.BAKE:
            seconds = scene.bake_seconds + max(seconds, AMPLE * scene.policy.window_seconds)
        deadline = scene.now + timedelta(seconds=seconds)
    return replace(move, step=step, step_time=scene.now, deadline=deadline, reason=reason, message=message)


_STEPS: Mapping[Step, Callable[[Move, Scene], Progress]] = {
    Step.PROBE: _probe,
    Step.SURGE: _surge,
    Step.SHIFT: _shift,
    Step.BAKE: _bake,
    Step.DRAIN: _drain,
    Step.BACK: _return,
}


def _and(why: str) -> str:
    return f"; {why}" if why else ""


def _counts(test: Test) -> str:
    return f"{test.bad} of {test.n} requests missed the objective ({test.p0:.2%} may, {test.p1:.2%} fails)"
