"""Handlers of watches: kopf's events become records in the store. The only place, beside `app`, that knows kopf's decorators.

kopf swallows what an `on.event` handler raises and delivers events of one object one at a time: so the handler only records, without a
single await, and what goes wrong is handed to `on_failure`, which asks for a resync.
"""

from collections.abc import Callable, Iterable
from typing import Any

import kopf

from steelyard.control.kube.resource import Resource
from steelyard.control.kube.store import Store

OnFailure = Callable[[Resource, Exception], None]


def register(registry: kopf.OperatorRegistry, resources: Iterable[Resource], store: Store, *, on_failure: OnFailure) -> None:
    """Record all events of these resources in the store. The store's `on_change` enqueues keys."""
    for resource in resources:
        kopf.on.event(
            group=resource.group,
            version=resource.version,
            plural=resource.plural,
            id=f"record-{resource.label}",
            registry=registry,
        )(_recorder(resource, store, on_failure))


def _recorder(resource: Resource, store: Store, on_failure: OnFailure) -> Callable[..., Any]:
    async def record(event: kopf.RawEvent, **_: Any) -> None:  # async, or kopf would run it in a thread
        try:
            store.observe(resource, event["type"], event["object"])
        except Exception as error:
            on_failure(resource, error)

    return record
