"""What the probe of the move under way has told, and which end is probed next."""

from __future__ import annotations

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known, Move, Step
from steelyard.core.facts.probe import Probe, ProbeState, ProbeStep, Ramp
from steelyard.core.performance.probe_steps import lowest
from steelyard.core.performance.ramp import probed_capacity
from steelyard.core.placing.analysis import Analysis, probe_of
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.rebalancing.grounds import Grounds
from steelyard.core.rebalancing.probing import SLOWEST, EndToProbe, Probing, ends_to_probe, is_probed


def next_end(seen: Analysis, move: Move) -> tuple[PlacementKey, EndToProbe] | None:
    """The end of the move whose probe should run now; None where the move stands elsewhere, or all is known that can be."""
    if move.step is not Step.PROBE:
        return None
    grounds = grounds_of(seen)
    if grounds is None:
        return _as_it_runs(seen)
    ends = _ends(seen, grounds, move)
    return next(
        (
            (key, end)
            for key, end in ends
            if not is_probed(grounds, seen.kept.get(key), move.target.pool, move.started) and _is_open(seen, key)
        ),
        None,
    )


def _as_it_runs(seen: Analysis) -> tuple[PlacementKey, EndToProbe] | None:
    """While no load is known none can be asked for: a Job that runs goes on as it was made, and none is made."""
    probe = probe_of(seen.snapshot)
    ramp = Ramp(first=SLOWEST, most=SLOWEST, step_seconds=1, halvings=0)
    return None if probe is None else (probe.key, EndToProbe(pool=probe.key.pool, ramp=ramp, start_seconds=0))


def probing(seen: Analysis, move: Move) -> Probing:
    """Where the probe of the move stands."""
    grounds, probe = grounds_of(seen), probe_of(seen.snapshot)
    if grounds is None:
        return Probing()
    target = probe is not None and probe.key == move.target
    if probe is not None and target and (failed := _failed(probe)):
        return Probing(failed=f"the probe of pool {move.target.pool}: {failed}", queued=probe.queued)
    if probe is not None and target and (broken := _broken(probe, seen.snapshot.workload.allowed)):
        return Probing(broken=f"pool {move.target.pool}: {broken}")
    if not is_probed(grounds, seen.kept.get(move.target), move.target.pool, move.started):
        return Probing(queued=probe is not None and target and probe.queued)
    said = f"pool {move.target.pool} {told(seen.kept.get(move.target))}"
    # What the source carries makes the judgement sharper: where it cannot be probed, it is judged by what its traffic shows.
    given_up = probe is not None and probe.key == move.source and (_failed(probe) or _broken(probe, seen.snapshot.workload.allowed))
    left = next_end(seen, move)
    if left is None or given_up or seen.now >= move.deadline:
        return Probing(done=True, said=said)
    return Probing(said=f"{said}; a replica on pool {move.source.pool} is probed to compare")


def told(known: Known | None) -> str:
    """What a probe found, as a clause."""
    capacity = known.capacity if known else None
    if capacity is None:
        return "is not probed yet"
    rate = capacity.rate
    if capacity.at_least:
        return f"carries {rate.point:.3g} requests/s a replica as probed, the most that was sent (n = {capacity.n})"
    return f"carries {rate.point:.3g} [{rate.lower:.3g}, {rate.upper:.3g}] requests/s a replica as probed (n = {capacity.n})"


def _ends(seen: Analysis, grounds: Grounds, move: Move) -> list[tuple[PlacementKey, EndToProbe]]:
    source, target = seen.option(move.source.pool), seen.option(move.target.pool)
    if source is None or target is None:
        return []
    keys = {move.source.pool: move.source, move.target.pool: move.target}
    return [(keys[end.pool], end) for end in ends_to_probe(grounds, source, target, move.started, asked=move.trial is not None)]


def _is_open(seen: Analysis, key: PlacementKey) -> bool:
    """Whether a replica of exactly this revision can be made."""
    candidate = seen.candidate(key.pool)
    return candidate is not None and candidate.revision == key.revision and candidate.refusal is None


def _failed(probe: Probe) -> str | None:
    if probe.state is ProbeState.FAILED:
        return probe.message or "it ended without a result"
    if probe.state is ProbeState.DONE and lowest(probe.steps) is None:
        return probe.message or "its steps tell nothing: fewer or more requests were sent than their rates say"
    return None


def _broken(probe: Probe, allowed: float) -> str | None:
    """How the promise was broken at the lowest load that was sent."""
    first: ProbeStep | None = lowest(probe.steps) if probe.state is ProbeState.DONE else None
    if first is None or probed_capacity(probe.steps, allowed) is not None:
        return None
    missed = first.offered - first.good
    return (
        f"{missed} of {first.offered} requests of a probe missed the objective at {first.rate:.3g} requests/s, the least that was sent; "
        f"{allowed:.2%} may, and no user's request was sent there"
    )
