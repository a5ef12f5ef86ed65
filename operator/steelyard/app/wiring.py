"""From configuration to the settings that decisions and builders depend on, and the scopes that are watched."""

from __future__ import annotations

from collections.abc import Collection

from steelyard.api.quantity import gibibytes, number
from steelyard.app.config import CacheConfig, Config
from steelyard.control.kube.kopf_settings import MANAGED_BY
from steelyard.control.kube.resource import (
    ACCELERATOR_POOLS,
    ACCELERATOR_TRIALS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    INFERENCE_WORKLOADS,
    JOBS,
    NODES,
    PODS,
    SCALE_TARGETS,
    SERVICES,
    Resource,
)
from steelyard.control.kube.sweep import Scope
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Registries, ServeCache, Settings, Toolchain

OWN_KINDS = (INFERENCE_WORKLOADS, ACCELERATOR_POOLS, COMPILED_MODELS, ACCELERATOR_TRIALS)
"""What is reconciled."""
NEEDED_KINDS = (*OWN_KINDS, SCALE_TARGETS)
"""What must be served."""


def settings_of(config: Config) -> Settings:
    """What the core and the builders see of the configuration."""
    return Settings(
        toolchains={
            name: Toolchain(
                backend=name.partition("@")[0],
                serve_image=each.serve_image,
                compile_image=each.compile_image,
                versions=dict(sorted(each.versions.items())),
                target=each.target,
                compile_needs_device=each.compile_needs_device,
            )
            for name, each in sorted(config.toolchains.items())
        },
        store_uri=config.store.uri,
        store_endpoint=config.store.endpoint,
        store_secret=config.store.secret_name,
        store_read_secret=config.store.read_secret_name,
        store_region=config.store.region,
        signing_secret=config.signing.secret_name,
        public_keys=config.signing.public_keys.strip(),
        fetch_image=config.fetch_image,
        hub_endpoint=config.hub.endpoint,
        registries=Registries(
            allowed=config.registries.allowed,
            private=config.registries.private,
            plain_http=config.registries.plain_http,
            token_hosts=dict(sorted(config.registries.token_hosts.items())),
        ),
        serve_cache=_cache(config.cache),
        compile_node_selector=dict(sorted(config.compile.node_selector.items())),
        pool_labels=dict(sorted(config.pool_labels.items())),
        currency=config.currency,
        frozen=config.frozen,
        moves_at_once=config.moves_at_once,
        evictions_at_once=None if config.evictions_at_once is None else str(config.evictions_at_once),
        moves_at_once_per_pool=config.moves_at_once_per_pool,
        namespace_budgets=dict(sorted(config.namespace_budgets.items())),
        max_priority=config.max_priority,
        namespace_priorities=dict(sorted(config.namespace_priorities.items())),
        image_pull_policy=config.image_pull_policy,
        connection_max_age_seconds=config.connection_max_age_seconds,
        compile_resources=Resources(number(config.compile.cpu), gibibytes(config.compile.memory)),
        compile_disk_gib=gibibytes(config.compile.ephemeral_storage),
        compile_deadline_seconds=config.compile.deadline_seconds,
        compile_jobs_at_once=config.compile.jobs_at_once,
    )


def _cache(config: CacheConfig) -> ServeCache | None:
    if config.host_path is None and config.claim_name is None:
        return None
    return ServeCache(host_path=config.host_path, claim=config.claim_name, size_bytes=int(gibibytes(config.size) * 2**30))


def scopes_of(config: Config, optional: Collection[Resource] = ()) -> tuple[Scope, ...]:
    """What is watched: our kinds whole, but for pools that are not this installation's; what we make by label, nodes whole. optional: kinds of what we make that the cluster has besides."""
    where = tuple(config.watch_namespaces)
    return (
        Scope(INFERENCE_WORKLOADS, namespaces=where),
        Scope(COMPILED_MODELS, namespaces=where),
        Scope(ACCELERATOR_TRIALS, namespaces=where),
        Scope(SCALE_TARGETS, namespaces=where),
        Scope(ACCELERATOR_POOLS, label_selector=",".join(f"{key}={value}" for key, value in sorted(config.pool_labels.items()))),
        Scope(NODES),
        *(
            Scope(resource, label_selector=MANAGED_BY, namespaces=where)
            for resource in (DEPLOYMENTS, SERVICES, DISRUPTION_BUDGETS, JOBS, PODS, *sorted(optional))
        ),
    )
