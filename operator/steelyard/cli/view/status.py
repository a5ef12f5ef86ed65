"""The view of `steelyard status`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from steelyard.cli.facts.compile import compile_of
from steelyard.cli.facts.operator import Operator, OperatorState
from steelyard.cli.facts.pool import pool
from steelyard.cli.facts.workload import workload
from steelyard.cli.gathered import Gathered
from steelyard.cli.view.hint import Hint, hints
from steelyard.cli.view.line import Line, line


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """All workloads that were asked for, in order of namespace and name."""

    now: datetime = field(metadata={"json": False})
    namespace: str | None
    """Null: all namespaces."""
    healthy: bool
    """Every workload is ready and none is held, and the operator is not known to be down. The exit code is 0 then, else 1."""
    workloads: tuple[Line, ...]
    operator: Operator
    hints: tuple[Hint, ...]


def status(seen: Gathered) -> StatusView:
    """From raw objects."""
    workloads = tuple(sorted((workload(w) for w in seen.workloads), key=lambda w: (w.namespace, w.name)))
    pools = None if seen.pools is None else tuple(pool(p) for p in seen.pools)
    compiles = tuple(compile_of(m) for m in seen.models or ())
    lines = tuple(line(w, compiles) for w in workloads)
    return StatusView(
        now=seen.now,
        namespace=seen.namespace,
        healthy=all(one.healthy for one in lines) and seen.operator.state is not OperatorState.NOT_READY,
        workloads=lines,
        operator=seen.operator,
        hints=hints(seen.now, workloads, pools, seen.operator, seen.notes),
    )
