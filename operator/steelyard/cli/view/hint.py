"""What a person should look at beside the workloads: the operator, the pools, what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.cli.facts.operator import Operator, OperatorState
from steelyard.cli.facts.pool import Pool
from steelyard.cli.facts.workload import Workload

PATIENCE = timedelta(seconds=60)
"""An operator that runs has looked at a new object by then."""
NAMED = 5


@dataclass(frozen=True, slots=True)
class Hint:
    """What is odd, and what to do. `todo` None: only to know. `first`: said before everything else, for without it nothing is decided."""

    what: str
    todo: str | None = None
    first: bool = False


def hints(
    now: datetime, workloads: tuple[Workload, ...], pools: tuple[Pool, ...] | None, operator: Operator, notes: tuple[str, ...]
) -> tuple[Hint, ...]:
    """In order of weight."""
    found = [*_operator(operator), *_unseen(now, workloads), *_unproven(now, workloads)]
    if pools or (pools is not None and not (workloads and all(w.existing for w in workloads))):
        found += _pools(now, pools)
    return (*found, *(Hint(note) for note in notes))


def _operator(operator: Operator) -> list[Hint]:
    if operator.state is OperatorState.NOT_READY:
        return [Hint(f"the operator is not ready: {operator.message}", "kubectl describe that Deployment; serving goes on meanwhile", True)]
    if operator.state is OperatorState.NOT_FOUND:
        return [Hint(f"no operator was found: {operator.message}", "install the chart; what serves goes on, nothing is decided", True)]
    return []


def _unseen(now: datetime, workloads: tuple[Workload, ...]) -> list[Hint]:
    late = [w for w in workloads if not w.seen and w.created is not None and now - w.created > PATIENCE]
    # When the spec changed is not recorded: a workload that was seen may just have been edited, so that is only mentioned.
    edited = [w for w in workloads if w.seen and w.generation is not None and (w.observed_generation or 0) < w.generation]
    found = []
    if late:
        found.append(Hint(f"no operator has looked at {_names(late)} yet", "check that the operator runs and watches the namespace"))
    if edited:
        found.append(Hint(f"the newest spec of {_names(edited)} is not judged yet"))
    return found


def _unproven(now: datetime, workloads: tuple[Workload, ...]) -> list[Hint]:
    late = [w for w in workloads if w.is_unproven(now)]
    if not late:
        return []
    what = f"that {_names(late)} could leave its accelerator family was not proven for twice spec.placement.exitDrill.everySeconds"
    return [Hint(what, "steelyard explain WORKLOAD says why")]


def _pools(now: datetime, pools: tuple[Pool, ...]) -> list[Hint]:
    if not pools:
        return [
            Hint("there is no AcceleratorPool, so nothing can be placed", "apply one for each kind of node; `kubectl explain apool.spec`")
        ]
    found = []
    unpriced = [p for p in pools if p.price is None]
    if unpriced:
        todo = "set spec.shapes[].pricePerHour, priceClass and asOf of the pool"
        listed = _list_prices(unpriced)
        found.append(Hint(f"the price of {_listed([p.name for p in unpriced])} is unknown", f"{todo}; {listed}" if listed else todo))
    double = sorted((p.name, c.message) for p in pools for c in p.conditions if (c.type, c.status) == ("Overlapping", "True"))
    if double:
        name, message = double[0]
        found.append(Hint(f"{_listed([each for each, _ in double])} have nodes in common: pool {name} {message}"))
    exhausted = [p.name for p in pools if p.exhausted_until is not None and p.exhausted_until > now]
    if exhausted:
        found.append(Hint(f"{_listed(exhausted)} could not deliver nodes lately and is tried again later"))
    return found


def _list_prices(pools: list[Pool]) -> str:
    """What the catalogue would suggest. Read only when something has no price: it takes longer than the rest of the answer."""
    from steelyard.app.catalogue import shipped  # noqa: PLC0415
    from steelyard.cli.view.catalogue import suggestion  # noqa: PLC0415

    found = suggestion(shipped(), (name for p in pools for name in p.unpriced))
    return f"on demand the public list had {found}" if found else ""


def _names(workloads: list[Workload]) -> str:
    return _listed([f"{w.namespace}/{w.name}" for w in workloads])


def _listed(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown
