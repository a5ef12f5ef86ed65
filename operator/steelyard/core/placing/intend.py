"""What should exist, as intents for the builders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from steelyard.core.compiling.candidate import COMPILED, Candidate
from steelyard.core.compiling.compile_request import compile_resources
from steelyard.core.facts.capacity_request import Answer, Ask
from steelyard.core.facts.custom import Program
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.intent import (
    CapacityIntent,
    CompileIntent,
    CustomIntent,
    Intent,
    PlacementIntent,
    ProbeIntent,
    ScaleTargetIntent,
)
from steelyard.core.placing.outcome import Allocation
from steelyard.core.placing.probed import next_end
from steelyard.core.placing.routed import route_of, still_routed
from steelyard.core.rebalancing.askable import not_askable
from steelyard.core.vocabulary.reason import Reason


def intent_of(seen: Analysis, allocation: Allocation, move: Move | None = None) -> Intent:
    """What builders are asked for: artifacts, Deployments to make, counts to set, Deployments to remove, a probe to run. move: as it stands now."""
    snapshot = seen.snapshot
    workload = snapshot.workload
    if not snapshot.synced or workload.deleting or workload.existing is not None:
        return Intent(workload=workload.key, workload_uid=workload.uid)
    exists = {p.key: p for p in snapshot.placements}
    create, scale = [], {}
    for key, count in sorted(allocation.items()):
        standing = exists.get(key)
        candidate = seen.candidate(key.pool)
        if standing is not None:
            if standing.desired != count and seen.is_ours(standing) and not (count == 0 and still_routed(seen, allocation, key)):
                scale[key] = count
        elif count > 0 and candidate is not None and candidate.revision == key.revision and candidate.refusal is None:
            create.append(placement_of(seen, candidate, key, count))
    gone = _gone(seen, allocation)
    return Intent(
        workload=workload.key,
        workload_uid=workload.uid,
        compile=_compile(seen),
        create=tuple(create),
        scale=scale,
        gone=gone,
        probe=_probe(seen, move) if move is not None and not move.asking else None,
        capacity=_capacity(seen, move) if move is not None and move.asking else None,
        scale_targets=_scale_targets(seen, allocation),
        route=route_of(seen, allocation, move, {*exists, *(each.key for each in create)} - {*gone}),
    )


def _scale_targets(seen: Analysis, allocation: Allocation) -> Mapping[str, ScaleTargetIntent]:
    """One for each pool that may be used, from the first placement on: made before that they would ask for nothing anywhere."""
    told, standing = seen.snapshot.scale_targets, seen.snapshot.placements
    if not seen.snapshot.workload.sized_elsewhere or not (told or any(allocation.values())):
        return {}
    wanted = {p.key.pool for p in standing if p.desired > 0}
    used = {key.pool for key, n in allocation.items() if n > 0} | {p.key.pool for p in standing if p.desired or p.pods}
    pools = {c.name for c in seen.candidates if c.pool.selected} | used | {pool for pool, n in told.items() if n > 0}
    first = Counter[str]()
    for key, count in allocation.items():
        first[key.pool] += count
    return {
        pool: ScaleTargetIntent(
            first=seen.wished(pool) if pool in wanted else first[pool],
            pods=sum(p.pods for p in standing if p.key.pool == pool),
            ready=sum(p.ready for p in standing if p.key.pool == pool),
        )
        for pool in sorted(pools)
    }


def _probe(seen: Analysis, move: Move) -> ProbeIntent | None:
    end = next_end(seen, move)
    candidate = seen.candidate(end[0].pool) if end is not None else None
    if end is None or candidate is None or not _is_there(candidate) or not_askable(seen.snapshot) is not None:
        return None
    key, what = end
    return ProbeIntent(move=move.id, placement=placement_of(seen, candidate, key, 1), ramp=what.ramp, seconds=what.seconds)


def _is_there(candidate: Candidate) -> bool:
    """Whether what runs is: what the store has lost is not probed."""
    return candidate.program is not None or (candidate.artifact is not None and candidate.artifact.digest is not None)


def _capacity(seen: Analysis, move: Move) -> CapacityIntent | None:
    """What a move asks for. To ask whether there is room for all that it ends with costs nothing; nodes that are made are paid from the answer on, so
    that they are asked for as the move needs them. What was given and is over is asked for again, once it is gone."""
    snapshot, candidate = seen.snapshot, seen.candidate(move.target.pool)
    pool = snapshot.pool(move.target.pool)
    over = snapshot.capacity is not None and snapshot.capacity.answer is Answer.OVER
    if over or pool is None or pool.ask is None or candidate is None or candidate.refusal is not None:
        return None
    count = move.target_goal - move.target_base if pool.ask is Ask.CHECK_CAPACITY else 1
    return CapacityIntent(
        move=move.id,
        ask=pool.ask,
        placement=placement_of(seen, candidate, move.target, max(1, count)),
        count=max(1, count),
        seconds=int((move.deadline - move.step_time).total_seconds()),
    )


def _gone(seen: Analysis, allocation: Allocation) -> tuple[PlacementKey, ...]:
    """Removal is the last act: what nobody speaks of any more, once it is empty."""
    unwanted = [p for p in seen.snapshot.placements if p.desired == 0 and p.pods == 0 and p.key not in allocation]
    return tuple(sorted(p.key for p in unwanted if seen.is_ours(p)))


def _compile(seen: Analysis) -> tuple[CompileIntent, ...]:
    by_key: dict[str, tuple[Candidate, list[str]]] = {}
    for candidate in seen.candidates:
        if (
            candidate.key is not None
            and candidate.pool.selected
            and candidate.shape is not None
            and seen.snapshot.settings.store_uri
            and seen.snapshot.workload.server in COMPILED
            and not (candidate.refusal is not None and candidate.refusal.reason is Reason.UNSUPPORTED_TASK)
        ):
            by_key.setdefault(candidate.key, (candidate, []))[1].append(candidate.name)
    intents = []
    for key in sorted(by_key):
        candidate, pools = by_key[key]
        assert candidate.inputs is not None
        assert candidate.toolchain is not None
        intents.append(
            CompileIntent(
                namespace=seen.snapshot.workload.key.namespace,
                inputs=candidate.inputs,
                toolchain=candidate.toolchain,
                pools=tuple(pools),
                resources=compile_resources(seen.snapshot.workload, candidate.inputs.dtype, seen.snapshot.settings),
            )
        )
    return tuple(intents)


def placement_of(seen: Analysis, candidate: Candidate, key: PlacementKey, count: int) -> PlacementIntent | CustomIntent:
    """Replicas of a candidate that has what runs there."""
    if candidate.program is not None:
        return _custom_of(seen, candidate, candidate.program, key, count)
    return _served_by_us(seen, candidate, key, count)


def _custom_of(seen: Analysis, candidate: Candidate, program: Program, key: PlacementKey, count: int) -> CustomIntent:
    workload = seen.snapshot.workload
    assert workload.custom is not None
    return CustomIntent(
        key=key,
        asked=candidate.asked,
        replicas=count,
        program=program,
        server=workload.custom,
        model=workload.model if workload.model.uri else None,
        resources=candidate.resources,
        resource_name=candidate.pool.resource_name,
        node_selector=candidate.pool.node_selector,
        tolerations=candidate.pool.tolerations,
        scheduler=candidate.pool.scheduler,
        runtime_class=candidate.pool.runtime_class,
        access=workload.access,
        latency=workload.latency,
        samples=workload.samples,
    )


def _served_by_us(seen: Analysis, candidate: Candidate, key: PlacementKey, count: int) -> PlacementIntent:
    """Replicas of a candidate whose artifact is there."""
    workload = seen.snapshot.workload
    assert candidate.toolchain is not None
    assert candidate.inputs is not None
    assert candidate.artifact is not None
    assert candidate.artifact.uri is not None
    assert candidate.artifact.digest is not None
    return PlacementIntent(
        key=key,
        asked=candidate.asked,
        replicas=count,
        backend=candidate.toolchain.backend,
        image=candidate.toolchain.serve_image,
        artifact_uri=candidate.artifact.uri,
        artifact_digest=candidate.artifact.digest,
        artifact_bytes=candidate.artifact.size_bytes,
        model_name=workload.key.name,
        task=candidate.inputs.task,
        latency=workload.latency,
        batch_sizes=workload.compile_for(candidate.pool.family).batch_sizes,
        resources=candidate.resources,
        resource_name=candidate.pool.resource_name,
        family=candidate.pool.family,
        node_selector=candidate.toolchain.on_its_nodes(candidate.pool.node_selector),
        tolerations=candidate.pool.tolerations,
        scheduler=candidate.pool.scheduler,
        runtime_class=candidate.pool.runtime_class,
        vllm=workload.vllm,
        tensor_parallel=candidate.inputs.tensor_parallel,
        access=workload.access,
    )
