"""One pool seen as a place to run one workload: back end, toolchain, resources, artifact and revision, or why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from steelyard.core.compiling.default_request import as_found, resources_of, told_of
from steelyard.core.compiling.key import CompileInputs
from steelyard.core.compiling.memory_need import MemoryNeed, memory_need
from steelyard.core.compiling.revision import InProportion, Wish, asked, asked_before, revision, revision_of_custom
from steelyard.core.compiling.vllm_words import compiled_words
from steelyard.core.economics.money import written
from steelyard.core.economics.replica_price import ReplicaPrice, replica_price
from steelyard.core.facts.custom import Program
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Artifact, ArtifactState, ModelVariant, Pool, Settings, Shape, Snapshot, Toolchain, Workload
from steelyard.core.vocabulary.architecture import TARGETS
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.core.vocabulary.task import GRAPHS, READ_ONNX, SERVED, TEXT

COMPILED = frozenset({"steelyard", "vllm"})
"""The servers that run what was compiled: they need a toolchain and a store."""
VLLM = "vllm"
"""The one back end of the server of this name, and of no other."""
ANY_SHAPE = (1,)
DEVICES = (1, 2, 4, 8, 16, 32, 64)
"""Over how many a model can be split."""
LEAST_TOKENS = 16
"""Of a request, as the API allows."""
ABSENT = Artifact(state=ArtifactState.ABSENT)


def server_of(backend: str) -> str:
    """The kind of server that runs what a back end makes."""
    return VLLM if backend == VLLM else "steelyard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A pool that can, or cannot, run the workload now. `refusal` None: there is what runs there, and a replica fits. `marginal`: what one replica
    changes the bill by; None where it fits on no shape."""

    name: str
    """The pool's, or that of a place on it."""
    pool: Pool
    resources: Resources
    marginal: ReplicaPrice | None
    toolchain: Toolchain | None
    inputs: CompileInputs | None
    artifact: Artifact | None
    program: Program | None
    """Of the user's own, where that is what runs."""
    revision: str | None
    asked: str
    asked_before: frozenset[str]
    """What earlier versions wrote down for the same wish."""
    refusal: Refusal | None
    key: str | None
    """Of its compile (`CompileInputs.key`)."""
    need: MemoryNeed | None = None
    """Of one replica; None where nobody knows it."""

    def wants(self, asked: str) -> bool:
        """Whether what was asked for when a placement was made is what is asked for now."""
        return asked == self.asked or asked in self.asked_before

    @property
    def image(self) -> str | None:
        """What a replica made today would run."""
        if self.program is not None:
            return self.program.image
        return self.toolchain.serve_image if self.toolchain is not None else None

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


def toolchain_for(workload: Workload, pool: Pool, settings: Settings) -> Toolchain | None:
    """The first of the pool's back ends that the workload's server runs, that can make something of its model, and that the installation has a
    toolchain for, one whose artifacts run on the pool's processors."""
    return next(
        (
            t
            for t in _toolchains(workload, pool, settings)
            if None in {t.architecture, pool.architecture} or t.architecture == pool.architecture
        ),
        None,
    )


def _toolchains(workload: Workload, pool: Pool, settings: Settings) -> tuple[Toolchain, ...]:
    """In order of preference, whatever processors they are for."""
    backends = [b for b in pool.backends if server_of(b) == workload.server and not pool.unsupported and _reads(b, workload)]
    found = (t for b in backends for t in settings.toolchains_of(b, pool.family, pool.architecture))
    # What is made for processors would run beside a device, and be charged it.
    return tuple(
        t for t in found if pool.targets.get(t.backend, t.target) == t.target and (t.architecture is None or pool.resource_name is None)
    )


def _reads(backend: str, workload: Workload) -> bool:
    return workload.server != "steelyard" or workload.model.task not in GRAPHS or backend in READ_ONNX


def compile_inputs(workload: Workload, toolchain: Toolchain, family: str, variant: ModelVariant | None = None) -> CompileInputs:
    """What is compiled by this toolchain for accelerators of this family."""
    model, options = workload.model, workload.compile_for(family, toolchain.backend, variant)
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
        flags=options.flags if vllm is None else (*compiled_words(vllm, model.task), *options.flags),
        secret_name=model.secret_name,
        pull_secrets=workload.access.pull_secrets,
        account=workload.access.compile_account,
    )


class _Runs(NamedTuple):
    """What runs on a pool, and is the same on all that are alike."""

    toolchain: Toolchain | None = None
    inputs: CompileInputs | None = None
    key: str | None = None
    artifact: Artifact | None = None
    program: Program | None = None


class _Names(NamedTuple):
    """What it is called there, of one size of replica."""

    revision: str | None
    asked: str
    asked_before: frozenset[str] = frozenset()


_Alike: TypeAlias = tuple[tuple[str, ...], tuple[tuple[str, str], ...], str, bool, str | None, str, ModelVariant | None]
"""All of a pool that what runs there depends on: back ends and their targets, family, whether it has devices, architecture, why it has no toolchain, and
the variant."""
_Known: TypeAlias = tuple[dict[_Alike, _Runs], dict[tuple[_Alike, Resources, Wish], _Names]]


def candidates(snapshot: Snapshot) -> tuple[Candidate, ...]:
    """Every pool, in order of name, as a candidate."""
    known: _Known = {}, {}
    return tuple(_candidate(snapshot, pool, known) for pool in sorted(snapshot.pools, key=lambda p: p.name))


def _candidate(snapshot: Snapshot, pool: Pool, known: _Known) -> Candidate:
    """known: of pools that are alike; what was not known yet is added."""
    workload = snapshot.workload
    devices = pool.resource_name is not None
    alike = (pool.backends, tuple(pool.targets.items()), pool.family, devices, pool.architecture, pool.unsupported, pool.variant)
    what, called = known
    if alike not in what:
        what[alike] = _runs(snapshot, pool)
    runs = what[alike]
    backend = runs.toolchain.backend if runs.toolchain else None
    need = memory_need(workload, pool, workload.compile_for(pool.family, backend, pool.variant), runs.artifact)
    resources = resources_of(workload, pool, need) if snapshot.found is None else as_found(snapshot.found, workload, pool)
    wish = _wish(workload, pool, resources)
    if (alike, resources, wish) not in called:
        called[alike, resources, wish] = _names(workload, pool, runs, resources, wish)
    candidate = Candidate(
        name=pool.name,
        pool=pool,
        resources=resources,
        marginal=replica_price(pool, resources),
        refusal=None,
        need=need,
        **runs._asdict(),
        **called[alike, resources, wish]._asdict(),
    )
    refusal = next((why for rule in RULES if (why := rule(candidate, snapshot)) is not None), None)
    return candidate if refusal is None else replace(candidate, refusal=refusal)


def _wish(workload: Workload, pool: Pool, resources: Resources) -> Wish:
    """What is no default of ours: a size that somebody wrote, or the one that an encoder always has on a CPU pool."""
    told = told_of(workload, pool) is not None or (pool.resource_name is None and workload.vllm is None)
    return resources if told else InProportion(resources.devices)


def _runs(snapshot: Snapshot, pool: Pool) -> _Runs:
    workload = snapshot.workload
    if workload.custom is not None:
        return _Runs(program=workload.custom.program(pool.family))
    toolchain = toolchain_for(workload, pool, snapshot.settings)
    inputs = compile_inputs(workload, toolchain, pool.family, pool.variant) if toolchain else None
    key = inputs.key if inputs else None
    return _Runs(toolchain=toolchain, inputs=inputs, key=key, artifact=snapshot.artifacts.get(key, ABSENT) if key else None)


def _names(workload: Workload, pool: Pool, runs: _Runs, resources: Resources, wish: Wish) -> _Names:
    if workload.custom is not None:
        made = None if runs.program is None else revision_of_custom(workload, resources, runs.program)
        return _Names(revision=made, asked=revision_of_custom(workload, wish, runs.program))
    toolchain, artifact = runs.toolchain, runs.artifact
    backend = toolchain.backend if toolchain else None
    digest = artifact.digest if artifact and artifact.state is ArtifactState.READY else None
    return _Names(
        revision=revision(workload, resources, toolchain, digest, pool) if toolchain and digest else None,
        asked=asked(workload, wish, pool, backend),
        asked_before=asked_before(workload, wish, pool, backend),
    )


def _not_selected(candidate: Candidate, _: Snapshot) -> Refusal | None:
    if candidate.pool.selected:
        return None
    return Refusal(
        Reason.NOT_SELECTED,
        f"pool {candidate.name} is not selected: to use it, change spec.placement.poolSelector or the pool's labels, or, without a selector, "
        "name it in spec.placement.pools",
    )


def _no_such_variant(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    """One that the pool cannot make, or makes anyway."""
    pool, workload = candidate.pool, snapshot.workload
    if pool.variant is None:
        return None
    if pool.variant.backend is not None and not pool.backends:
        return Refusal(
            Reason.UNSUPPORTED_TARGET,
            f"variant {pool.variant.name} is for back end {pool.variant.backend}, which pool {pool.of} does not list: add it to the pool's spec.backends, "
            "or leave it out of spec.compile.variants",
        )
    plain = snapshot.pool(pool.of)
    toolchain = toolchain_for(workload, plain, snapshot.settings) if plain is not None else None
    if toolchain is None or toolchain != candidate.toolchain:
        return None
    if workload.compile_for(pool.family, toolchain.backend) != workload.compile_for(pool.family, toolchain.backend, pool.variant):
        return None
    return Refusal(
        Reason.NO_DIFFERENCE,
        f"variant {pool.variant.name} is what pool {pool.of} runs without it: give it another dtype, quantization or back end in spec.compile.variants",
    )


def _no_program(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    """An image that is made for one accelerator does not start on another."""
    custom, family = snapshot.workload.custom, candidate.pool.family
    if custom is None or candidate.program is not None:
        return None
    if family in custom.families or family in custom.variants:
        told = f"spec.server.custom gives the family {family} of pool {candidate.name} no image"
    else:
        told = f"spec.server.custom is for {', '.join(custom.runs_on)}, and pool {candidate.name} is of the family {family}"
    return Refusal(
        Reason.NO_VARIANT,
        f"{told}: add {{family: {family}, image: NAME@sha256:DIGEST}} to variants, or {family} to families if the general image runs there",
    )


def _no_fetch_image(_: Candidate, snapshot: Snapshot) -> Refusal | None:
    """A model is fetched and verified before the user's program sees it."""
    workload = snapshot.workload
    if workload.custom is None or not workload.model.uri or snapshot.settings.fetch_image is not None:
        return None
    return Refusal(
        Reason.NO_FETCH_IMAGE,
        "nothing is configured that downloads spec.model for a custom server: set config.fetchImage of the operator to the runtime's image, or "
        "leave spec.model out and let the image bring its model",
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


def _reads_no_onnx(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    """Told before anything is compiled: the compile could only fail."""
    workload, listed = snapshot.workload, candidate.pool.backends
    if workload.server not in COMPILED or not listed or any(_reads(each, workload) for each in listed):
        return None
    return Refusal(
        Reason.UNSUPPORTED_TARGET,
        f"spec.model.task {workload.model.task} is an ONNX graph, and no back end of pool {candidate.name} reads one ({', '.join(listed)}): add "
        "onnxruntime to its spec.backends where its devices are CUDA's, with a toolchain for them, or take a pool of processors",
    )


def _other_processors(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    """Toolchains are there, and all are for processors of another architecture."""
    architecture = candidate.pool.architecture
    if candidate.toolchain is not None or architecture is None:
        return None
    known = _toolchains(snapshot.workload, candidate.pool, snapshot.settings)
    if not known:
        return None
    targets = ", ".join(sorted({f"{t.backend} for {t.target}" for t in known}))
    return Refusal(
        Reason.UNSUPPORTED_TARGET,
        f"the processors of pool {candidate.name} are {architecture} and its toolchains are others ({targets}): "
        f"add config.toolchains.{known[0].backend}@{architecture} with target {TARGETS.get(architecture, 'of that architecture')}",
    )


def _no_toolchain(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    if candidate.toolchain is not None or snapshot.workload.server not in COMPILED:
        return None
    pool = candidate.pool
    listed = (f"{each} for {pool.targets[each]}" if each in pool.targets else each for each in pool.backends)
    return Refusal(
        Reason.UNSUPPORTED_TARGET,
        f"pool {candidate.name} lists back ends {', '.join(listed) or '(none)'} and no toolchain is configured for any of them that "
        f"spec.server.{snapshot.workload.server} can use: add one to the operator's toolchains or another back end to spec.backends",
    )


def _no_store(_: Candidate, snapshot: Snapshot) -> Refusal | None:
    if snapshot.settings.store_uri or snapshot.workload.server not in COMPILED:
        return None
    return Refusal(
        Reason.NO_STORE,
        "no artifact store is configured, so that nothing can be compiled or served: set config.store.uri of the operator, for example "
        "s3://steelyard-artifacts; servers of your own (spec.server.custom, spec.server.existing) need none",
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


def _model_too_large(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    """Not where it serves: what runs is larger evidence than any estimate."""
    need, pool, inputs = candidate.need, candidate.pool, candidate.inputs
    if need is None or inputs is None or any(p.key.pool == candidate.name and p.ready for p in snapshot.placements):
        return None
    devices = min(candidate.resources.devices, float(inputs.tensor_parallel))
    room = candidate.resources.memory_gib if pool.resource_name is None else pool.device_memory and pool.device_memory * devices
    if not room or need.gib <= room:
        return None
    where = "a replica" if pool.resource_name is None else f"{devices:g} x {pool.accelerator or pool.resource_name}"
    return Refusal(
        Reason.DOES_NOT_FIT,
        f"vLLM needs {need.gib:.1f} GiB or more, and {where} of pool {candidate.name} has {room:g}: {_what_to_write(need, room, pool, inputs.dtype)} ({need})",
    )


def _what_to_write(need: MemoryNeed, room: float, pool: Pool, dtype: str) -> str:
    """The change by which it would fit, or two of which each is enough, the one that costs least first."""
    tokens = need.tokens_within(room)
    halved = replace(need, weights=need.weights / 2, cache=need.cache / 2)
    most, each = max((shape.resources.devices for shape in pool.shapes), default=0.0), pool.device_memory
    devices = next((n for n in DEVICES if each is not None and n <= most and n * each >= need.gib), None)
    found = []
    if dtype == "float32" and halved.gib <= room:
        found.append("set spec.compile.dtype to bfloat16")
    if tokens >= LEAST_TOKENS:
        found.append(f"set spec.server.vllm.maxModelLength to {tokens} or less")
    if pool.resource_name is None:
        found.append("ask for more in spec.placement.pools[].resources.memory")
    elif devices is not None:
        found.append(f"set devicesPerReplica and spec.compile.tensorParallel to {devices}")
    return " or ".join(found[:2]) or "use a pool with larger devices, or more on a node"


def _no_artifact(candidate: Candidate, _: Snapshot) -> Refusal | None:
    artifact, toolchain = candidate.artifact, candidate.toolchain
    if artifact is None or toolchain is None or artifact.state is ArtifactState.READY:
        return None
    if artifact.state is ArtifactState.FAILED:
        return Refusal(Reason.COMPILE_FAILED, artifact.message or "the compile failed: see the CompiledModel", artifact.retry_at)
    if artifact.waits is not None:
        return Refusal(artifact.waits.reason, f"the compile for {toolchain.backend} on pool {candidate.name}: {artifact.waits.message}")
    return Refusal(Reason.COMPILING, f"the model is being compiled for {toolchain.backend} on pool {candidate.name}")


def _too_inaccurate(candidate: Candidate, snapshot: Snapshot) -> Refusal | None:
    """By what its compile measured: serving pods hold it against a limit of their own, and not against this one."""
    asked_for, artifact, inputs = snapshot.workload.accuracy, candidate.artifact, candidate.inputs
    if not asked_for or inputs is None or artifact is None or artifact.state is not ArtifactState.READY:
        return None
    found = artifact.accuracy
    if found is None:
        return Refusal(
            Reason.ACCURACY_TOO_LOW,
            f"the artifact of pool {candidate.name} was not compared with the reference where it was compiled, which spec.objective.accuracy asks for: "
            "let its toolchain compile on a device (compileNeedsDevice), or leave that out",
        )
    limit = next((each.value for each in asked_for if each.measure is found.measure), None)
    if limit is None:
        return Refusal(
            Reason.ACCURACY_TOO_LOW,
            f"answers of pool {candidate.name} were compared by {found.measure.value}, which spec.objective.accuracy gives no limit of: give one in place of "
            f"{' and '.join(each.measure.value for each in asked_for)}",
        )
    if found.measure.keeps(found.value, limit):
        return None
    return Refusal(
        Reason.ACCURACY_TOO_LOW,
        f"answers of pool {candidate.name} have {found.measure.value} {found.value:g}, and spec.objective.accuracy asks for {limit:g}: change "
        f"spec.compile (dtype {inputs.dtype}, quantization {inputs.quantization}), or ask for less",
    )


RULES: tuple[Callable[[Candidate, Snapshot], Refusal | None], ...] = (
    _not_selected,
    _no_such_variant,
    _no_program,
    _no_such_task,
    _no_such_accelerator,
    _reads_no_onnx,
    _other_processors,
    _no_toolchain,
    _no_store,
    _no_fetch_image,
    _too_large,
    _model_too_large,
    _no_artifact,
    _too_inaccurate,
)
"""Why a pool cannot run a workload now; the first that answers is told."""
