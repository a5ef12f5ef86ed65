"""One pool seen as a place to run one workload: back end, toolchain, resources, artifact and revision, or why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from steelyard.core.compiling.default_request import as_found, resources_of, told_of
from steelyard.core.compiling.key import CompileInputs
from steelyard.core.compiling.revision import InProportion, Wish, asked, asked_before, revision
from steelyard.core.compiling.vllm_words import compiled_words
from steelyard.core.economics.money import written
from steelyard.core.economics.replica_price import ReplicaPrice, replica_price
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Artifact, ArtifactState, Pool, Settings, Shape, Snapshot, Toolchain, Workload
from steelyard.core.vocabulary.architecture import TARGETS
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.core.vocabulary.task import GRAPHS, SERVED

SERVERS = frozenset({"steelyard", "vllm"})
EXISTING = "existing"
"""Runs already, as it is: nothing is compiled and nothing is made."""
VLLM = "vllm"
"""The one back end of the server of this name, and of no other."""
TEXT = "text-generation"
ANY_SHAPE = (1,)
ABSENT = Artifact(state=ArtifactState.ABSENT)


def server_of(backend: str) -> str:
    """The kind of server that runs what a back end makes."""
    return VLLM if backend == VLLM else "steelyard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A pool that can, or cannot, run the workload now. `refusal` None: its artifact is verified and a replica fits. `marginal`: what one replica
    changes the bill by; None where it fits on no shape."""

    name: str
    """The pool's."""
    pool: Pool
    resources: Resources
    marginal: ReplicaPrice | None
    toolchain: Toolchain | None
    inputs: CompileInputs | None
    artifact: Artifact | None
    revision: str | None
    asked: str
    asked_before: str | None
    """What an earlier version wrote down for the same wish."""
    refusal: Refusal | None
    key: str | None
    """Of its compile (`CompileInputs.key`)."""

    def wants(self, asked: str) -> bool:
        """Whether what was asked for when a placement was made is what is asked for now."""
        return asked in {self.asked, self.asked_before}

    @property
    def shape(self) -> Shape | None:
        """The nodes that a replica would be on."""
        return self.marginal.shape if self.marginal is not None else None

    @property
    def fitting(self) -> int:
        """Replicas that fit on one of these nodes; 0 without a shape."""
        return self.marginal.fitting if self.marginal is not None else 0

    @property
    def resource_price(self) -> float | None:
        """Money per hour of the shape's resources by their weight: of another size of replica or shape about the same, so that a change of
        it is a change of the price. None where the price is not known."""
        if self.shape is None or self.shape.price is None or not self.shape.price.plausible:
            return None
        return written(self.shape.price.per_hour / self.shape.resources.weight)


def toolchain_for(server: str, pool: Pool, settings: Settings) -> Toolchain | None:
    """The first of the pool's back ends that this kind of server runs and the installation has a toolchain for, one whose artifacts run on the
    pool's processors."""
    return next(
        (
            t
            for t in _toolchains(server, pool, settings)
            if None in {t.architecture, pool.architecture} or t.architecture == pool.architecture
        ),
        None,
    )


def _toolchains(server: str, pool: Pool, settings: Settings) -> tuple[Toolchain, ...]:
    """In order of preference, whatever processors they are for."""
    backends = [b for b in pool.backends if server_of(b) == server and not pool.unsupported]
    return tuple(t for b in backends for t in settings.toolchains_of(b, pool.family, pool.architecture))


def compile_inputs(workload: Workload, toolchain: Toolchain, family: str) -> CompileInputs:
    """What is compiled by this toolchain for accelerators of this family."""
    model, options = workload.model, workload.compile_for(family, toolchain.backend)
    vllm = workload.vllm
    return CompileInputs(
        model_uri=model.uri,
        model_digest=model.digest,
        model_revision=model.revision,
        task=model.task if vllm is None else model.task or TEXT,
        backend=toolchain.backend,
        versions=toolchain.versions,
        target=toolchain.target,
        dtype=options.dtype,
        quantization=options.quantization,
        # vLLM forms its own batches: the shapes that an encoder is compiled to are no inputs of its compile. Tensors and images have no lengths.
        batch_sizes=options.batch_sizes if vllm is None else ANY_SHAPE,
        sequence_lengths=options.sequence_lengths if vllm is None and model.task not in GRAPHS else ANY_SHAPE,
        tensor_parallel=options.tensor_parallel,
        flags=options.flags if vllm is None else (*compiled_words(vllm), *options.flags),
        secret_name=model.secret_name,
        pull_secrets=workload.access.pull_secrets,
        account=workload.access.compile_account,
    )


class _Runs(NamedTuple):
    """What runs on a pool, and is the same on all that are alike."""

    toolchain: Toolchain | None
    inputs: CompileInputs | None
    key: str | None
    artifact: Artifact | None
    revision: str | None
    asked: str
    asked_before: str | None


_Alike: TypeAlias = tuple[tuple[str, ...], str, str | None, str, Resources, Wish]
"""All of a pool that what runs there depends on: back ends, family, architecture, why it has no toolchain, and what a replica asks for."""


def candidates(snapshot: Snapshot) -> tuple[Candidate, ...]:
    """Every pool, in order of name, as a candidate."""
    known: dict[_Alike, _Runs] = {}
    return tuple(_candidate(snapshot, pool, known) for pool in sorted(snapshot.pools, key=lambda p: p.name))


def _candidate(snapshot: Snapshot, pool: Pool, known: dict[_Alike, _Runs]) -> Candidate:
    """known: of pools that are alike; what was not known yet is added."""
    workload = snapshot.workload
    resources = resources_of(workload, pool) if snapshot.found is None else as_found(snapshot.found, workload, pool)
    wish = resources if pool.resource_name is None or told_of(workload, pool) is not None else InProportion(resources.devices)
    alike = (pool.backends, pool.family, pool.architecture, pool.unsupported, resources, wish)
    if alike not in known:
        known[alike] = _runs(snapshot, pool, resources, wish)
    candidate = Candidate(
        name=pool.name, pool=pool, resources=resources, marginal=replica_price(pool, resources), refusal=None, **known[alike]._asdict()
    )
    refusal = next((why for rule in RULES if (why := rule(candidate, snapshot)) is not None), None)
    return candidate if refusal is None else replace(candidate, refusal=refusal)


def _runs(snapshot: Snapshot, pool: Pool, resources: Resources, wish: Wish) -> _Runs:
    workload = snapshot.workload
    toolchain = toolchain_for(workload.server, pool, snapshot.settings)
    inputs = compile_inputs(workload, toolchain, pool.family) if toolchain else None
    backend = toolchain.backend if toolchain else None
    key = inputs.key if inputs else None
    artifact = snapshot.artifacts.get(key, ABSENT) if key else None
    digest = artifact.digest if artifact and artifact.state is ArtifactState.READY else None
    return _Runs(
        toolchain=toolchain,
        inputs=inputs,
        key=key,
        artifact=artifact,
        revision=revision(workload, resources, toolchain, digest, pool.family) if toolchain and digest else None,
        asked=asked(workload, wish, pool.family, backend),
        asked_before=asked_before(workload, wish, pool.family, backend),
    )


def _not_selected(candidate: Candidate, _: Snapshot) -> Refusal | None:
    if candidate.pool.selected:
        return None
    return Refusal(
        Reason.NOT_SELECTED,
        f"pool {candidate.name} is not selected: to use it, change spec.placement.poolSelector or the pool's labels, or, without a selector, "
        "name it in spec.placement.pools",
    )


def _no_such_server(_: Candidate, snapshot: Snapshot) -> Refusal | None:
    server = snapshot.workload.server
    if server in SERVERS or server == EXISTING:
        return None
    return Refusal(
        Reason.UNSUPPORTED_TARGET,
        f"spec.server.{server} is not served by this version: use spec.server.steelyard with a task that it serves, or vllm",
    )


def _no_such_task(_: Candidate, snapshot: Snapshot) -> Refusal | None:
    """Where an object was applied before tasks were held against what is served."""
    workload = snapshot.workload
    if workload.server != "steelyard" or workload.model.task in SERVED:
        return None
    return Refusal(
        Reason.UNSUPPORTED_TASK,
        f"spec.model.task {workload.model.task!r} is not served by spec.server.steelyard: it does {', '.join(SERVED)}",
    )


def _no_such_accelerator(candidate: Candidate, _: Snapshot) -> Refusal | None:
    if not candidate.pool.unsupported:
        return None
    return Refusal(
        Reason.UNSUPPORTED_TARGET,
        f"{candidate.pool.unsupported}: make pool {candidate.name} again with the right spec.accelerator.model, or take another pool",
    )


def _other_processors(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    """Toolchains are there, and all are for processors of another architecture."""
    architecture = candidate.pool.architecture
    if candidate.toolchain is not None or architecture is None:
        return None
    known = _toolchains(snapshot.workload.server, candidate.pool, snapshot.settings)
    if not known:
        return None
    targets = ", ".join(sorted({f"{t.backend} for {t.target}" for t in known}))
    return Refusal(
        Reason.UNSUPPORTED_TARGET,
        f"the processors of pool {candidate.name} are {architecture} and its toolchains are others ({targets}): "
        f"add config.toolchains.{known[0].backend}@{architecture} with target {TARGETS.get(architecture, 'of that architecture')}",
    )


def _no_toolchain(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    if candidate.toolchain is not None or snapshot.workload.server == EXISTING:
        return None
    return Refusal(
        Reason.UNSUPPORTED_TARGET,
        f"pool {candidate.name} lists back ends {', '.join(candidate.pool.backends) or '(none)'} and no toolchain is configured for any of "
        f"them that spec.server.{snapshot.workload.server} can use: add one to the operator's toolchains or another back end to spec.backends",
    )


def _no_store(_: Candidate, snapshot: Snapshot) -> Refusal | None:
    if snapshot.settings.store_uri or snapshot.workload.server == EXISTING:
        return None
    return Refusal(
        Reason.NO_STORE,
        "no artifact store is configured, so that nothing can be compiled or served: set config.store.uri of the operator, for example "
        "s3://steelyard-artifacts; a server that exists already (spec.server.existing) needs none",
    )


def _too_large(candidate: Candidate, _: Snapshot) -> Refusal | None:
    if candidate.shape is not None:
        return None
    asked_for = candidate.resources
    return Refusal(
        Reason.DOES_NOT_FIT,
        f"one replica asks for {asked_for.cpu:g} CPU, {asked_for.memory_gib:g} GiB, {asked_for.devices:g} devices and no shape of pool "
        f"{candidate.name} has that much: ask for less in spec.placement.pools[].resources or add a shape",
    )


def _no_artifact(candidate: Candidate, _: Snapshot) -> Refusal | None:
    artifact, toolchain = candidate.artifact, candidate.toolchain
    if artifact is None or toolchain is None or artifact.state is ArtifactState.READY:
        return None
    if artifact.state is ArtifactState.FAILED:
        return Refusal(Reason.COMPILE_FAILED, artifact.message or "the compile failed: see the CompiledModel", artifact.retry_at)
    if artifact.waits is not None:
        return Refusal(artifact.waits.reason, f"the compile for {toolchain.backend} on pool {candidate.name}: {artifact.waits.message}")
    return Refusal(Reason.COMPILING, f"the model is being compiled for {toolchain.backend} on pool {candidate.name}")


RULES: tuple[Callable[[Candidate, Snapshot], Refusal | None], ...] = (
    _not_selected,
    _no_such_server,
    _no_such_task,
    _no_such_accelerator,
    _other_processors,
    _no_toolchain,
    _no_store,
    _too_large,
    _no_artifact,
)
"""Why a pool cannot run a workload now; the first that answers is told."""
