"""AcceleratorTrials, and the Jobs that stand for them, as the core sees them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from steelyard.api.accelerator_trial import AcceleratorTrial, LoadMode
from steelyard.control.authority import authority
from steelyard.control.gather.pod_trouble import SecretKeys
from steelyard.control.gather.pool_facts import claim_of
from steelyard.control.gather.probe_job import LONGEST, MOST_STEPS, figure, figure_or_none, generator, over, step_of, told_of, whole
from steelyard.control.gather.queued import QuotaOf, unsaid
from steelyard.control.gather.termination import last_word
from steelyard.control.gather.unplaced import node_found
from steelyard.control.gather.workload_facts import moment
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.probe import ProbeState, ProbeStep
from steelyard.core.facts.trial import LengthRamp, PoolClaim, SteadyStep, Trial, TrialReplica
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.condition import TrialConditionType
from steelyard.render import label
from steelyard.render.probe_job import BEGIN_PORT

MOST_STEADY = 8
MOST_LENGTHS = 4
BRIEF = ("rate", "seconds", "good", "slow", "error", "p50", "p99")
"""Of a step at another length, as its generator tells it. What was refused is an error too."""
MOST_REPLICAS = 1_000_000
LATEST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
"""A time that a pod tells is one that can be written."""


def trial_of(parsed: AcceleratorTrial, raw: Manifest, now: datetime) -> Trial:
    """The spec and identity of one trial."""
    spec = parsed.spec
    return Trial(
        key=WorkloadKey(manifests.namespace(raw) or "", manifests.name(raw)),
        uid=manifests.uid(raw),
        generation=int(manifests.metadata(raw).get("generation", 0)),
        created=moment(manifests.metadata(raw).get("creationTimestamp")) or now,
        workload=spec.workload_name,
        pools=spec.pools,
        budget=float(spec.budget),
        deadline_seconds=spec.deadline_seconds,
        duration_seconds=spec.duration_seconds,
        claims=tuple(PoolClaim(pool=claim.pool, claim=claim_of(claim.to_raw())) for claim in spec.claims),
        stop=spec.stop,
        live=spec.load.mode == LoadMode.LIVE,
        length_factors=tuple(map(float, spec.load.length_factors)) if spec.load.mode != LoadMode.LIVE else (),
    )


def asks_of(raw: Manifest) -> str | None:
    """The workload of a trial of live traffic that has not ended; None of any other. By little reading: it is asked of each state of each trial."""
    spec = raw.get("spec") or {}
    if (spec.get("load") or {}).get("mode") != LoadMode.LIVE.value or not goes_on(raw):
        return None
    name = spec.get("workloadName")
    return name if isinstance(name, str) else None


def goes_on(raw: Manifest) -> bool:
    """Whether the trial has not ended and is not being deleted. By little reading, as above."""
    conditions = (raw.get("status") or {}).get("conditions") or ()
    over = any(each.get("type") == TrialConditionType.FINISHED and each.get("status") == "True" for each in conditions)
    return not over and not manifests.is_leaving(raw)


def replica_of(job: Manifest, pod: Manifest | None, keys: SecretKeys, now: datetime, quota_of: QuotaOf = unsaid) -> TrialReplica | None:
    """What the Job of one pool tells; None for one that is leaving. `pod`: its newest. quota_of: what Kueue says of it."""
    if manifests.is_leaving(job):
        return None
    labels = manifests.labels(job)
    probe = told_of(job, pod, label.key_of(labels), keys, now, quota_of)
    state = generator(pod or {})
    word = last_word(state.get("terminated"))
    told = probe.state is ProbeState.DONE
    return TrialReplica(
        probe=probe,
        ramped=told,
        steady=steady_of(word.get("steady")) if told else (),
        lengths=lengths_of(word.get("lengths")) if told else (),
        began=began_of(word.get("began")) if told else None,
        scheduled=node_found(pod or {}),
        ended=_ended(job, state),
        address=_address(pod or {}) if state.get("running") else None,
    )


def steady_of(raw: Any) -> tuple[SteadyStep, ...]:
    """Those that can be read: what a pod says of one says nothing of the others."""
    found = []
    for each in raw[:MOST_STEADY] if isinstance(raw, list) else ():
        try:
            found.append(_one(each))
        except ValueError:
            continue
    return tuple(found)


def _one(raw: Any) -> SteadyStep:
    step = step_of(raw)
    load, replicas = figure(raw.get("load")), whole(raw.get("replicas"))
    if not load or not 1 <= replicas <= MOST_REPLICAS:
        raise ValueError("a steady step has no load, or no replicas")
    return SteadyStep(
        load=load,
        replicas=replicas,
        step=step,
        p95_milliseconds=figure_or_none(raw.get("p95")),
        mean_milliseconds=figure_or_none(raw.get("mean")),
        joules=figure_or_none(raw.get("joules")),
        drawn=figure_or_none(raw.get("drawn")),
        percent=figure_or_none(raw.get("percent")),
        took=_bounds(raw.get("took")),
        input=_tokens(raw.get("input")),
        output=_tokens(raw.get("output")),
    )


def lengths_of(raw: Any) -> tuple[LengthRamp, ...]:
    """Those ramps at other lengths that can be read."""
    found = []
    for each in raw[:MOST_LENGTHS] if isinstance(raw, list) else ():
        try:
            found.append(_length_ramp(each))
        except ValueError:
            continue
    return tuple(found)


def _length_ramp(raw: Any) -> LengthRamp:
    if not isinstance(raw, dict) or not (factor := figure(raw.get("factor"))):
        raise ValueError("a ramp at another length has no factor")
    steps, finished = raw.get("steps"), raw.get("finished", [])
    if not isinstance(steps, list) or len(steps) > MOST_STEPS or not isinstance(finished, list):
        raise ValueError("its steps are no list, or too many")
    full, *parts = finished or [None]
    return LengthRamp(
        factor=factor,
        steps=tuple(_brief(each, parts if number == full else []) for number, each in enumerate(steps)),
        over=raw.get("over") is True,
        message=" ".join(str(raw.get("message") or "").split())[:LONGEST],
    )


def _brief(raw: Any, finished: list[Any]) -> ProbeStep:
    """[rate, seconds, good, slow, failed, p50, p99]."""
    if not isinstance(raw, list) or len(raw) != len(BRIEF):
        raise ValueError(f"a step is not {', '.join(BRIEF)}")
    return step_of({**dict(zip(BRIEF, raw, strict=True)), "shed": 0, "finished": finished})


def _bounds(raw: Any) -> Interval | None:
    """A figure and its two ends; raises ValueError where they are not in order."""
    if raw is None:
        return None
    if not isinstance(raw, list) or len(raw) != 3:
        raise ValueError("bounds are a figure and two ends")
    point, lower, upper = map(figure, raw)
    if not 0 < lower <= point <= upper:
        raise ValueError("bounds are not in order")
    return Interval(point, lower, upper)


def _tokens(raw: Any) -> int | None:
    return None if raw is None else whole(raw)


def began_of(raw: Any) -> datetime | None:
    """Unix seconds, where they are such."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 < raw < LATEST:
        return None
    return datetime.fromtimestamp(raw, UTC)


def _ended(job: Manifest, state: Mapping[str, Any]) -> datetime | None:
    """When the generator ended, or its Job did."""
    ended = moment((state.get("terminated") or {}).get("finishedAt"))
    return ended or moment((over(job) or {}).get("lastTransitionTime"))


def _address(pod: Manifest) -> str | None:
    address = (pod.get("status") or {}).get("podIP")
    return f"http://{authority(address, BEGIN_PORT)}" if isinstance(address, str) and address else None
