"""A trial as llm-d Benchmark Reports, version 0.2.1: one document for each pool and steady load, since a report is of one stage of one benchmark.

Facts of the format: https://pypi.org/project/llmd-benchmark-report/0.2.1/. It has no place for a price or a verdict: those stay in our own report. What is
not known is left out, and with it what could not be read without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from steelyard.cli.view.trial_report import TrialReportView
from steelyard.status.read.trial import TrialPool, TrialStep

Document: TypeAlias = Mapping[str, Any]
VERSION = "0.2.1"
COMPONENT = "0.0.1"
"""Version of what a component and a load are described by."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`name`: that a file of it may have."""

    name: str
    document: Document


def benchmarks(view: TrialReportView) -> Iterator[Benchmark]:
    """By pool, then by load."""
    for pool in view.trial.pools:
        for stage, step in enumerate(pool.steps):
            if step.requests is not None:
                yield Benchmark(f"{pool.pool}-{stage}", _document(view, pool, stage, step))


def _document(view: TrialReportView, pool: TrialPool, stage: int, step: TrialStep) -> Document:
    told = view.trial
    experiment = uuid5(NAMESPACE_URL, f"steelyard.dev/{told.uid or f'{told.namespace}/{told.name}/{told.created}'}")
    load = "" if step.load is None else f" {step.load:f}/s"
    stack, sent = _component(view, pool), None if told.live else _load(pool, stage, step)
    return {
        "version": VERSION,
        "run": _known(
            uid=str(uuid5(experiment, f"{pool.pool}/{stage}")),
            eid=str(experiment),
            time=_known(start=_time(pool.since), end=_time(pool.until)),
            description=f"{told.model or told.workload} [{told.namespace}/{told.name} {pool.pool}{load}]",
        ),
        **_known(scenario=_known(stack=[stack] if stack else None, load=sent)),
        "results": {"request_performance": {"aggregate": _aggregate(step)}},
    }


def _component(view: TrialReportView, pool: TrialPool) -> Document | None:
    """The server: as an inference engine where all of that is known, and else as a generic component, which may leave things out. A part of a device is no
    count of devices."""
    told, price = view.trial, pool.price_per_hour
    if pool.backend is None or pool.image is None or pool.revision is None:
        return None
    standard = {"tool": pool.backend, "tool_version": pool.image}
    more = _known(role="replica", replicas=1, model=_known(name=told.model), accelerator=_accelerator(view, pool))
    engine = {"model", "accelerator"} <= more.keys()
    config = _known(
        pool=pool.pool, price_per_hour=_number(price), price_class=pool.price_class, currency=told.currency if price is not None else None
    )
    return {
        "metadata": {"schema_version": COMPONENT, "label": pool.pool, "cfg_id": pool.revision},
        "standardized": {"kind": "inference_engine" if engine else "generic", **standard, **more},
        "native": {"config": config},
    }


def _accelerator(view: TrialReportView, pool: TrialPool) -> Document | None:
    kind, devices = next((each.accelerator for each in view.pools_now if each.pool == pool.pool), None), pool.devices
    if kind is None or devices is None or devices != devices.to_integral_value() or view.trial.tensor_parallel is None:
        return None
    return {"model": kind, "count": int(devices), "parallelism": {"tp": view.trial.tensor_parallel}}


def _load(pool: TrialPool, stage: int, step: TrialStep) -> Document | None:
    """What was sent. Of live traffic nothing was: the format has no word for what users send."""
    if pool.image is None or step.input_tokens is None:
        return None
    lengths = {"input_seq_len": step.input_tokens, "output_seq_len": step.output_tokens}
    return {
        "metadata": {"schema_version": COMPONENT, "description": "open loop, with requests as long as the workload's own"},
        "standardized": _known(
            tool="steelyard-runtime",
            tool_version=pool.image,
            source="random",
            stage=stage,
            rate_qps=_number(step.rate),
            # A mean of lengths that are distributed as the workload's own.
            **{name: None if mean is None else {"distribution": "other", "value": _number(mean)} for name, mean in lengths.items()},
        ),
        "native": {
            "config": _known(
                load=_number(step.load), of_present=_number(step.of_present), replicas_of_the_load=step.replicas, job=pool.job_name
            )
        },
    }


def _aggregate(step: TrialStep) -> Document:
    answered = None if step.requests is None or step.failed is None else step.requests - step.failed
    rate = None if answered is None or not step.seconds else Decimal(answered) / step.seconds
    quantiles = {"p50": step.p50_milliseconds, "p95": step.p95_milliseconds, "p99": step.p99_milliseconds}
    return _known(
        requests=_known(
            total=step.requests,
            failures=step.failed,
            input_length=_statistics("count", step.input_tokens),
            output_length=_statistics("count", step.output_tokens),
        ),
        latency=_known(request_latency=_statistics("ms", step.mean_milliseconds, **quantiles)),
        throughput=_known(request_rate=_statistics("queries/s", rate)),
    )


def _statistics(units: str, mean: Decimal | None, **others: Decimal | None) -> Document | None:
    """The format has none without a mean."""
    if mean is None:
        return None
    return {"units": units, "mean": _number(mean), **_known(**{name: _number(value) for name, value in others.items()})}


def _known(**fields: Any) -> dict[str, Any]:
    """Without what is not known, and without what nothing is known of."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}


def _number(value: Decimal | None) -> float | int | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
