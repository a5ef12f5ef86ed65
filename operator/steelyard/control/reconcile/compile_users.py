"""Who uses a CompiledModel: workloads join its owners and leave them, and the last one takes it along."""

from __future__ import annotations

from steelyard.control.gather.pool_facts import compile_resources_of
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier, Created, Outcome, Patched, Unchanged, Waiting
from steelyard.control.kube.errors import NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import COMPILED_MODELS
from steelyard.control.kube.store import Store
from steelyard.core.compiling.superseded import Known
from steelyard.core.compiling.way import Way, begins_anew
from steelyard.status.compiled_model import attempts_of


async def join_owners(client: ApiClient, store: Store, wanted: Manifest) -> Outcome:
    """Create the CompiledModel, or add the workload to its users, or make it anew."""
    key = COMPILED_MODELS.key_of(wanted)
    live = store.get(key)
    if store.behind(key) or (live is not None and manifests.is_leaving(live)):
        return Waiting(key, "it is being changed")
    mine = manifests.metadata(wanted)["ownerReferences"][0]
    if live is None:
        made = await client.create(COMPILED_MODELS, wanted)
        store.wrote(COMPILED_MODELS, made)
        return Created(key, made)
    uid, version, users = manifests.uid(live), manifests.version(live), manifests.owner_uids(live)
    anew = begins_anew(attempts_of(live.get("status") or {}), _way(live), _way(wanted), shared=len(users) > 1)
    if mine["uid"] in users and not anew:
        return Unchanged(key)
    try:
        if mine["uid"] not in users:
            joined = [*(manifests.metadata(live).get("ownerReferences") or ()), mine]
            written = await client.patch_owners(COMPILED_MODELS, key.namespace, key.name, joined, version=version, uid=uid)
        else:
            # At this version only: it may have been built, or joined, meanwhile.
            written = await client.delete(COMPILED_MODELS, key.namespace, key.name, uid=uid, version=version)
            if manifests.uid(written) != uid:
                store.gone(key, uid)
                written = await client.create(COMPILED_MODELS, wanted)
    except NotFound:
        return Waiting(key, "it is gone, which has not been seen yet")
    store.wrote(COMPILED_MODELS, written)
    return Patched(key, written)


async def leave(client: ApiClient, store: Store, applier: Applier, compiled: Manifest, user: str) -> Outcome:
    """Take the workload with this uid out of a CompiledModel's users; without any it is deleted. Its artifact stays in the store."""
    key = COMPILED_MODELS.key_of(compiled)
    others = [owner for owner in manifests.metadata(compiled).get("ownerReferences") or () if owner["uid"] != user]
    if not others:
        return await applier.delete(COMPILED_MODELS, key.namespace, key.name, owner_uid=user)
    if store.behind(key) or manifests.is_leaving(compiled):
        return Waiting(key, "it is being changed")
    uid, version = manifests.uid(compiled), manifests.version(compiled)
    try:
        written = await client.patch_owners(COMPILED_MODELS, key.namespace, key.name, others, version=version, uid=uid)
    except NotFound:
        return Unchanged(key)
    store.wrote(COMPILED_MODELS, written)
    return Patched(key, written)


def known(compiled: Manifest) -> Known:
    """A CompiledModel, as far as it matters whether it is still used."""
    meta, spec = manifests.metadata(compiled), compiled["spec"]
    return Known(
        name=manifests.name(compiled),
        key=spec["key"],
        backend=spec["backend"],
        created=str(meta.get("creationTimestamp", "")),
        attempts=attempts_of(compiled.get("status") or {}),
    )


def _way(compiled: Manifest) -> Way:
    spec = compiled["spec"]
    model, asked = spec["model"], spec.get("resources")
    return Way(model["uri"], model.get("secretName"), None if asked is None else compile_resources_of(asked))
