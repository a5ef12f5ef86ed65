"""CompiledModel: one model compiled for one target, addressed by its compile key. Made and changed by the operator only."""

import re
from typing import Annotated, Literal

from pydantic import Field

from steelyard.api.accelerator import BackendName
from steelyard.api.compile_options import SHAPES_MAX, BatchSize, CompileResources, DtypeChoice, Quantization, SequenceLength, TensorParallel
from steelyard.api.conditions import CompiledModelCondition
from steelyard.api.describe import says
from steelyard.api.kind import Column, Kind, Resource
from steelyard.api.model import SpecModel, StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import Decimal
from steelyard.api.pods import PullSecrets
from steelyard.api.rule import Pattern, Rule
from steelyard.api.source import ModelSource
from steelyard.api.status_values import INT32_MAX, Count, Generation, Seconds, SmallCount
from steelyard.api.text import COMPILED_MODEL_NAME_MAX, LABEL, Digest, Message, ObjectName
from steelyard.api.word import Word


class FailureClass(Word):
    """Whose turn it is after a failure."""

    USER = (
        "User",
        "the model or its options are wrong: change the workload; a model that is not at its address is looked for again each hour",
    )
    OUT_OF_MEMORY = "OutOfMemory", "retried with more memory"
    INFRASTRUCTURE = "Infrastructure", "retried later, each time after a longer pause"
    UNSUPPORTED_TARGET = "UnsupportedTarget", "no toolchain compiles for it yet"
    CORRUPT = "Corrupt", "serving pods refuse what was published: compiled again, at once the first time and later each time after that"


class CompilePhase(Word):
    """What a compile is doing."""

    PENDING = "Pending", "waiting for a node"
    FETCHING = "Fetching", "downloading the weights"
    TRACING = "Tracing", "reading the model's graph"
    COMPILING = "Compiling", "the compiler works, shape by shape"
    VERIFYING = "Verifying", "comparing answers with the uncompiled model"
    PUBLISHING = "Publishing", "storing the artifact"
    DONE = "Done", "the artifact is published"


class CompiledModelSpec(SpecModel):
    """Everything that decides the bytes of the artifact. It can never change: other inputs are another object."""

    RULES = (
        Rule(
            "self == oldSelf",
            "must not change: the spec is what the compile key was made from; delete the object, and the operator makes a new one",
            None,
            reason="FieldValueForbidden",
        ),
        Rule(
            "self.batchSizes.size() * (has(self.sequenceLengths) && self.sequenceLengths.size() > 0 ? self.sequenceLengths.size() : 1) <= 16",
            "must keep batchSizes times sequenceLengths at 16 shapes or fewer",
            lambda c: len(c.batch_sizes) * max(1, len(c.sequence_lengths)) <= SHAPES_MAX,
            field="batchSizes",
        ),
        Rule(
            "!(self.backend in ['neuron', 'optimum-neuron']) || has(self.logicalCores)",
            "must be given for the neuron back ends: how physical cores are joined changes the artifact",
            lambda c: c.backend not in {BackendName.NEURON, BackendName.OPTIMUM_NEURON} or c.logical_cores is not None,
            field="logicalCores",
            reason="FieldValueRequired",
        ),
    )

    key: Annotated[
        Annotated[
            str, Field(max_length=64), Pattern("^[0-9a-f]{64}$", "must be the compile key: 64 lower case hex digits, made by the operator")
        ],
        says(
            "The compile key: the SHA-256 of everything below in canonical form. Equal keys mean the same artifact.",
            example="0a0a and so on, 64 hex digits",
        ),
    ]
    model: Annotated[ModelSource, says("The model to compile: the same pinned source as in the workloads that use it.")]
    image_pull_secrets: PullSecrets = ()
    service_account_name: Annotated[
        ObjectName | None,
        says(
            "The service account of the compile's pods, of the same namespace. Left out, it is the namespace's default.",
            example="models-compile",
        ),
    ] = None
    resources: Annotated[
        CompileResources | None,
        says("What each container of the compile gets. Left out, it is as the operator's config.compile says."),
    ] = None
    backend: Annotated[
        BackendName,
        says("The back end that compiles. Together with the toolchain it decides the format of the artifact.", example="neuron"),
    ]
    toolchain: Annotated[
        dict[str, Annotated[str, says("The exact version of this part.", example="2.22.1", least=1, most=128)]],
        says(
            "The exact version of every part of the toolchain, by name. Another version is another key, and so another artifact.",
            example={"neuronx-cc": "2.22.1"},
            least=1,
            most=16,
        ),
        Rule(
            "self.all(name, name.size() <= 64)",
            "must use names of at most 64 characters for the parts of the toolchain",
            lambda parts: all(len(name) <= 64 for name in parts),
        ),
    ]
    target: Annotated[
        Annotated[
            str,
            Field(min_length=1, max_length=63),
            Pattern("^[a-z0-9]([-a-z0-9_./]*[a-z0-9])?$", 'must be a compile target in lower case, such as "inf2" or "sm_86"'),
        ],
        says("What is compiled for: the architecture of the device, or the instruction set of the CPU.", example="inf2"),
    ]
    dtype: Annotated[
        DtypeChoice,
        says("The number format. Auto is the back end's own default for the target, which its exact version fixes.", example="Auto"),
    ]
    quantization: Annotated[
        Quantization, says("How weights are made smaller, already resolved for the family of the pool.", example="Int8Dynamic")
    ] = Quantization.NONE
    batch_sizes: Annotated[
        tuple[BatchSize, ...],
        says(
            "The batch sizes that are compiled. Order does not matter, and none may be given twice.",
            unit="requests",
            example=[1, 8],
            least=1,
            most=8,
            list_type="set",
        ),
    ]
    sequence_lengths: Annotated[
        tuple[SequenceLength, ...],
        says(
            "The input lengths that are compiled. None for models without a sequence, such as vision models.",
            unit="tokens",
            example=[128, 512],
            most=8,
            list_type="set",
        ),
    ] = ()
    tensor_parallel: Annotated[
        TensorParallel, says("Over how many cores or devices each layer of the model is split in this artifact.", unit="devices", example=2)
    ] = 1
    logical_cores: Annotated[
        Annotated[int, says("", low=1, high=8)] | None,
        says(
            "How many physical cores of a Neuron device are joined to one logical core. Other back ends have none.", unit="cores", example=2
        ),
    ] = None
    flags: Annotated[
        tuple[Annotated[str, says("One flag, in one word.", example="--optlevel=2", least=1, most=1100)], ...],
        says(
            "What else the back end is told: the flags of the workload's compile options for the pool's family, sorted.",
            most=32,
            list_type="atomic",
        ),
    ] = ()


class Progress(StatusModel):
    """How far a compile is."""

    phase: Annotated[CompilePhase, says("What the compile is doing now, as it says itself.", example="Compiling")]
    percent: Annotated[
        Annotated[int, Field(ge=0, le=100, strict=True)] | None,
        says("How much of all shapes is done. Missing while it cannot be told.", unit="percent", example=40),
    ] = None
    eta_seconds: Annotated[
        Seconds | None,
        says(
            "How long it will still take, from earlier compiles of similar models. Missing while it cannot be told.",
            unit="seconds",
            example=420,
        ),
    ] = None
    last_log_line: Annotated[
        Annotated[str, Field(max_length=256)],
        says("The last line that the compiler wrote, to see that it lives.", example="Compiling batch 8, length 512 (3 of 4)"),
    ] = ""


class AccuracyMeasure(Word):
    """How near answers are to the reference's."""

    LEAST_COSINE = "LeastCosine", "of embeddings: the least cosine, where 1 is the same"
    WORST_PROBABILITY = (
        "WorstProbability",
        "of classes: the largest difference of a probability, where 0 is the same",
    )
    SCORE_CONCORDANCE = (
        "ScoreConcordance",
        "of ranks: the concordance of the scores, where 1 is the same, and less the more order or scale differ",
    )
    LARGEST_DIFFERENCE = (
        "LargestDifference",
        "of tensors and images: the largest difference of a value, as a part of its output's largest, where 0 is the same",
    )
    WORST_LOGPROB = (
        "WorstLogprob",
        "of text: the largest mean difference of log-probabilities of a sample in nats, where 0 is the same",
    )


class Accuracy(StatusModel):
    """How near the answers of an artifact were to those of the reference, where it was compiled."""

    measure: Annotated[
        AccuracyMeasure,
        says("What was compared: the words are told at spec.objective.accuracy of a workload.", brief=True, example="LeastCosine"),
    ]
    value: Annotated[
        Decimal,
        says("The figure: a cosine, a difference of probabilities, a concordance, a relative difference, or nats.", example="0.99987"),
    ]


class ModelMemory(StatusModel):
    """What the model takes of the memory of the devices that serve it."""

    weights_bytes: Annotated[
        Count, says("The weights in the number format that they are served in, over all devices.", unit="bytes", example=16_060_522_496)
    ]
    cache_bytes_per_token: Annotated[
        Count | None,
        says(
            "The cache of one token of one request. Missing where not every token takes as much, or the model does not say.",
            unit="bytes",
            example=131_072,
        ),
    ] = None
    positions: Annotated[
        Count | None, says("The longest request that the model takes. Missing where it does not say.", unit="tokens", example=131_072)
    ] = None


class Artifact(StatusModel):
    """The published result."""

    uri: Annotated[
        Annotated[str, Field(max_length=1024)],
        says(
            "Where the artifact is in the installation's store, for operators; pods get it by its digest.",
            example="s3://artifacts/ns-uid/0a0a",
        ),
    ]
    digest: Annotated[
        Digest,
        says(
            "The digest of the artifact's manifest. It is checked on every load, so changed bytes are never run.",
            example="sha256:0a0a and so on, 64 hex digits",
        ),
    ]
    size_bytes: Annotated[
        Count,
        says(
            "How big the artifact is, all files together, which decides how long a replica needs to fetch it.",
            unit="bytes",
            example=268_435_456,
        ),
    ]
    accuracy: Annotated[
        Accuracy | None,
        says(
            "How near its answers were to the reference's on golden samples. Missing where the machine that compiled could not run it; each replica "
            "checks the samples before it is ready."
        ),
    ] = None
    memory: Annotated[
        ModelMemory | None,
        says(
            "What the model takes of a device's memory; pools whose devices are too small for it are refused. Missing where nobody counted it."
        ),
    ] = None


class Failure(StatusModel):
    """The last failed attempt."""

    class_: Annotated[FailureClass, says("Whose turn it is: it decides whether and how the compile is tried again.", example="OutOfMemory")]
    reason: Annotated[
        Annotated[str, Field(max_length=64)],
        says("What failed, as one CamelCase word for programs and for searching.", example="CompilerOutOfMemory"),
    ] = ""
    message: Annotated[
        Message,
        says(
            "What failed, for people: what was seen, and what to do about it.",
            example="The compiler needed more than 32 GiB; trying again with 64 GiB.",
        ),
    ] = ""
    log_tail: Annotated[
        Annotated[str, Field(max_length=2048)],
        says("The last lines of the compiler's log, cut to what a status may hold.", example="ERROR: out of memory"),
    ] = ""


class CompiledModelStatus(StatusModel):
    """How far the compile is and what came of it."""

    observed_generation: Annotated[
        Generation,
        says(
            "The generation of the spec that this status speaks about. A spec never changes, so it is 1 once it was seen.",
            unit="generation",
            example=1,
        ),
    ] = 0
    conditions: Annotated[
        tuple[CompiledModelCondition, ...],
        says("What is true of the artifact now: Ready says that it is published and verified.", most=1, keys=("type",)),
    ] = ()
    progress: Annotated[
        Progress | None, says("How far the running compile is: phase, percent, remaining time, last log line. Missing while none runs.")
    ] = None
    artifact: Annotated[
        Artifact | None, says("The published artifact: where it is, its digest and its size. Missing until it is verified.")
    ] = None
    attempts: Annotated[
        SmallCount, says("How many times the compile was started, the present one included.", unit="attempts", example=1)
    ] = 0
    memory_factor: Annotated[
        SmallCount,
        says("How many times the configured memory the present attempt has: doubled after running out of it.", unit="times", example=2),
    ] = 1
    corruptions: Annotated[
        SmallCount,
        says(
            "How many times in a row serving pods refused the published artifact, so that it was compiled again. What lasts a day counts anew.",
            unit="times",
            example=1,
        ),
    ] = 0
    next_retry_time: Annotated[
        Time | None,
        says(
            "When it is tried again after a failure. Missing when it is running, done, or never tried again.",
            example="2026-03-01T12:30:00Z",
        ),
    ] = None
    failure: Annotated[Failure | None, says("What went wrong the last time, and whose turn it is. Missing after a success.")] = None
    cost: Annotated[
        Decimal | None,
        says(
            "What all attempts have cost together at the price of their nodes. Missing while that price is unknown.",
            unit="currency",
            example="0.42",
        ),
    ] = None
    seconds: Annotated[
        Annotated[int, Field(ge=0, le=INT32_MAX, strict=True)] | None,
        says(
            "How long the successful attempt took from the start of its pod; it tells the next one's remaining time.",
            unit="seconds",
            example=840,
        ),
    ] = None
    job_name: Annotated[
        Annotated[str, Field(max_length=63)] | None,
        says("The Job of the present or last attempt, in the same namespace, to look at its pod and log.", example="cm-0a0a0a0a0a0a-1"),
    ] = None


class CompiledModel(Resource):
    """One model compiled for one target with one toolchain, shared by all workloads of its namespace that need the same."""

    RULES = (
        Rule(
            f"self.metadata.name.size() <= {COMPILED_MODEL_NAME_MAX} && self.metadata.name.matches('^{LABEL}$')",
            f"must have a name of at most {COMPILED_MODEL_NAME_MAX} lower case letters, digits and hyphens that starts with a letter: "
            "NAME-ATTEMPT is the name of its Job, and the label job-name holds 63 characters",
            lambda c: len(c.metadata.name) <= COMPILED_MODEL_NAME_MAX and re.fullmatch(LABEL, c.metadata.name) is not None,
        ),
    )

    kind: Literal["CompiledModel"] = "CompiledModel"
    spec: Annotated[
        CompiledModelSpec, says("Everything that decides the bytes of the artifact. The operator writes it once, and it never changes.")
    ]
    status: Annotated[CompiledModelStatus, says("How far the compile is and what came of it. Only the operator writes it.")] = (
        CompiledModelStatus()
    )


COMPILED_MODEL = Kind(
    model=CompiledModel,
    name="CompiledModel",
    plural="compiledmodels",
    short="cmodel",
    scope="Namespaced",
    columns=(
        Column("Model", ".spec.model.uri", "Where the model comes from."),
        Column("Target", ".spec.target", "What is compiled for."),
        Column("Ready", '.status.conditions[?(@.type=="Ready")].status', "Whether the artifact is published and verified."),
        Column("Phase", ".status.progress.phase", "What the compile is doing."),
        Column("Done%", ".status.progress.percent", "How much is done.", "integer"),
        Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', "Why it is ready, or why not."),
        Column("Age", ".metadata.creationTimestamp", "Time since creation.", "date"),
        Column("Backend", ".spec.backend", "What compiles.", wide=True),
        Column("Dtype", ".spec.dtype", "The number format.", wide=True),
        Column("Attempts", ".status.attempts", "How many times it was started.", "integer", wide=True),
        Column("Next-Retry", ".status.nextRetryTime", "When it is tried again.", wide=True),
        Column("Size", ".status.artifact.sizeBytes", "Bytes of the artifact.", "integer", wide=True),
        Column("Cost", ".status.cost", "What the compile has cost.", wide=True),
    ),
    selectable=(".spec.key", ".spec.backend", ".spec.target"),
)
