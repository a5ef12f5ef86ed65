import itertools

import kopf

from steelyard.control.kube import kopf_settings, watch_handlers
from steelyard.control.kube.resource import NODES, PODS
from steelyard.control.kube.store import Store
from steelyard.control.kube.sweep import Scope
from unit.control.test_store import pod
from unit.control.virtual_time import ManualClock


def handlers(registry):
    return list(registry._watching._handlers)


async def test_it_only_records_and_a_failure_is_handed_over_instead_of_swallowed():
    registry, failures, store = kopf.OperatorRegistry(), [], Store(ManualClock())
    watch_handlers.register(registry, [PODS, NODES], store, on_failure=lambda resource, error: failures.append((resource, repr(error))))
    record, _ = handlers(registry)
    assert [handler.id for handler in handlers(registry)] == ["record-pods", "record-nodes"]
    await record.fn(event={"type": "ADDED", "object": pod()}, body={}, other=1)
    assert store.count(PODS) == 1
    await record.fn(event={"type": "ADDED"})
    assert failures == [(PODS, "KeyError('object')")]


def test_kopf_is_set_up_so_that_it_neither_writes_nor_gives_up():
    settings = kopf.OperatorSettings()
    kopf_settings.configure(settings, [Scope(PODS, kopf_settings.MANAGED_BY), Scope(NODES)], instance="pod-1")
    assert settings.peering.standalone and settings.scanning.disabled
    assert not settings.posting.enabled and not settings.posting.loggers
    assert settings.watching.chunk_size is None
    assert isinstance(settings.watching.server_timeout, int), "the API server refuses 290.0"
    assert settings.persistence.finalizer.startswith("steelyard.dev/")
    assert list(settings.watching.label_selectors.values()) == ["app.kubernetes.io/managed-by=steelyard"]
    delays = list(itertools.islice(settings.networking.error_backoffs, 1000))
    assert len(delays) == 1000 and max(delays) <= 30 and min(delays[20:]) >= 15
    assert len(set(delays[20:])) > 900, "jittered"


def test_kopf_copies_no_object_to_compare_it():
    class Body(dict):
        def __deepcopy__(self, _):
            raise AssertionError("it is copied")

    settings = kopf.OperatorSettings()
    kopf_settings.configure(settings, [Scope(PODS)], instance="pod-1")
    compared = settings.persistence.diffbase_storage
    body = Body(metadata={"name": "a", "labels": Body()}, spec=Body())
    assert compared.build(body=body) == {}
    assert compared.fetch(body=body) is None
