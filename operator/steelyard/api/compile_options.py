"""What a model is compiled to: number formats and the shapes of its inputs. All of it is part of the compile key."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from steelyard.api.accelerator import BackendName
from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.quantity import CpuQuantity, MemoryQuantity
from steelyard.api.rule import Rule
from steelyard.api.text import FamilyName, VariantName
from steelyard.api.word import Word

SHAPES_MAX = 16
VARIANTS_MAX = 4
USUAL_BATCHES = (1, 8)
"""Batch sizes where nothing is said."""
USUAL_LENGTHS = (128, 512)
"""Sequence lengths where nothing is said."""


class Dtype(Word):
    """The number format of weights and activations."""

    FLOAT32 = "float32", "the accuracy of the checkpoint"
    BFLOAT16 = "bfloat16", "half the memory with float32's range"
    FLOAT16 = "float16", "half the memory, for devices without bfloat16"


class DtypeChoice(Word):
    """A number format, or the choice by accelerator."""

    AUTO = "Auto", "the back end's own default for its target"
    FLOAT32 = "float32", "the accuracy of the checkpoint"
    BFLOAT16 = "bfloat16", "half the memory with float32's range"
    FLOAT16 = "float16", "half the memory, for devices without bfloat16"


class Quantization(Word):
    """How weights are made smaller, if at all."""

    NONE = "None", "as they are in the checkpoint"
    INT8_DYNAMIC = "Int8Dynamic", "weights and activations in 8 bits, scaled on the fly"
    INT8_WEIGHT_ONLY = "Int8WeightOnly", "only weights in 8 bits"
    INT4_WEIGHT_ONLY = "Int4WeightOnly", "only weights in 4 bits"
    FP8 = "Fp8", "weights and activations in 8-bit floats"


_FLAG = Literal[
    "--optlevel=1",
    "--optlevel=2",
    "--optlevel=3",
    "--model-type=generic",
    "--model-type=transformer",
    "--model-type=unet-inference",
    "--logical-nc-config=1",
    "--logical-nc-config=2",
    "--enable-fast-loading-neuron-binaries",
    "--enable-fast-context-switch",
    "--enable-mixed-precision-accumulation",
    "--enable-saturate-infinity",
    "--dynamic-batch",
    "--separate-weights",
]
"""What some back end of the runtime honours, and nothing else (ADR 0023). Words of a list, without their meanings: the list stands twice in the
definition, and `docs/how-to/neuron-image.md` says what each does."""
CompileFlag = Annotated[_FLAG, says("One flag that a back end honours, in one word.", example="--optlevel=3")]
FLAGS_MAX = 8
ONE_EACH = ("--optlevel=", "--model-type=", "--logical-nc-config=")

FLAG_RULES = (
    Rule(
        f"{list(ONE_EACH)}.all(n, self.filter(f, f.startsWith(n)).size() <= 1)",
        "must give --optlevel, --model-type and --logical-nc-config one value each",
        lambda flags: all(sum(flag.startswith(name) for flag in flags) <= 1 for name in ONE_EACH),
    ),
    Rule(
        "!('--dynamic-batch' in self && '--separate-weights' in self)",
        "must not hold both --dynamic-batch and --separate-weights: Neuron cuts batches only for graphs that hold their weights",
        lambda flags: not {"--dynamic-batch", "--separate-weights"} <= set(flags),
    ),
)

BatchSize = Annotated[int, says("One batch size to compile, in requests computed together.", unit="requests", example=8, low=1, high=1024)]
SequenceLength = Annotated[
    int, says("One input length to compile; shorter inputs are padded to it.", unit="tokens", example=128, low=1, high=131_072)
]

ENOUGH_SHAPES = Rule(
    "self.batchSizes.size() * self.sequenceLengths.size() <= 16 && (!has(self.families) || self.families.all(f, "
    "(has(f.batchSizes) ? f.batchSizes : self.batchSizes).size() * (has(f.sequenceLengths) ? f.sequenceLengths : self.sequenceLengths).size() <= 16))",
    "must keep batchSizes times sequenceLengths at 16 shapes or fewer, for each family with what it takes over: each shape is compiled for every pool "
    "and held in memory",
    lambda c: all(
        len(f.batch_sizes or c.batch_sizes) * len(f.sequence_lengths or c.sequence_lengths) <= SHAPES_MAX for f in (c, *c.families)
    ),
    field="batchSizes",
)

MADE_BY_SOME_BACK_END = Rule(
    "!(self.quantization in ['Int4WeightOnly', 'Fp8']) && "
    + " && ".join(
        f"(!has(self.{where}) || self.{where}.all(o, !has(o.quantization) || !(o.quantization in ['Int4WeightOnly', 'Fp8'])))"
        for where in ("families", "backends", "variants")
    ),
    "must use no quantization but None, Int8Dynamic and Int8WeightOnly: no back end of this version makes the others",
    lambda c: not {Quantization.INT4_WEIGHT_ONLY, Quantization.FP8} & set(c.quantizations),
    field="quantization",
    spares_stored=True,
)

POWER_OF_TWO = Rule(
    "self in [1, 2, 4, 8, 16, 32, 64]",
    "must be a power of two up to 64, because weights are split in halves",
    lambda n: n in {1, 2, 4, 8, 16, 32, 64},
)

TensorParallel = Annotated[int, Field(ge=1, le=64, strict=True), POWER_OF_TWO]

_DTYPE = (
    "The number format the model is compiled to. Auto is what the pool's target is built for: bfloat16 on most accelerators"
    " and on CPUs that compute it, else float32."
)
_QUANTIZATION = "How the weights are made smaller. It changes answers a little."
_BATCH_SIZES = (
    "The numbers of requests that are computed together. The server fills the smallest one that fits: 1 answers a lone request "
    "at once, 8 is where encoders stop gaining much on most accelerators. Every further size is one more compile. Leave them out with vllm."
)
_SEQUENCE_LENGTHS = (
    "The input lengths of text models. Short texts are the most common, and 512 is the longest that common encoders take; longer "
    "inputs are cut. Leave them out with tensors and images, which have none, and with vllm."
)
_TENSOR_PARALLEL = (
    "Over how many cores or devices each layer is split. 1 unless the model does not fit one: splitting costs communication at every layer."
)
_FLAGS = (
    "What else the pool's back end is told. One that cannot honour a flag does not compile: for pools of several kinds give"
    " it under families."
)


class CompileResources(SpecModel):
    """What each container of a compile gets, as request and as limit."""

    cpu: Annotated[
        CpuQuantity, says("The CPUs of a compile. More end it sooner, as far as its compiler uses them.", unit="CPUs", example="8")
    ]
    memory: Annotated[
        MemoryQuantity,
        says(
            "The memory of a compile. One that runs out of it is tried again with twice, four and eight times as much.",
            unit="bytes",
            example="64Gi",
        ),
    ]
    disk: Annotated[
        MemoryQuantity | None,
        says("The disk of a compile: half is the model's. Left out, the configuration's ephemeralStorage.", unit="bytes", example="60Gi"),
    ] = None


class FamilyOptions(SpecModel):
    """Compile options for one accelerator family, where they differ from the rest."""

    family: Annotated[
        FamilyName,
        says(
            "The accelerator family, as in an AcceleratorPool's accelerator.family, that the options below are for.", example="neuron-inf2"
        ),
    ]
    dtype: Annotated[
        DtypeChoice | None, says("As compile.dtype, for this family only. Left out: as for all families.", brief=True, example="bfloat16")
    ] = None
    quantization: Annotated[
        Quantization | None,
        says("As compile.quantization, for this family only. Left out: as for all families.", brief=True, example="Int8Dynamic"),
    ] = None
    batch_sizes: Annotated[
        Annotated[tuple[BatchSize, ...], says("", least=1, most=8, list_type="set")] | None,
        says("As compile.batchSizes, for this family only. Left out: as for all families.", unit="requests", example=[1, 16]),
    ] = None
    sequence_lengths: Annotated[
        Annotated[tuple[SequenceLength, ...], says("", least=1, most=8, list_type="set")] | None,
        says("As compile.sequenceLengths, for this family only. Left out: as for all families.", unit="tokens", example=[128]),
    ] = None
    tensor_parallel: Annotated[
        TensorParallel | None,
        says("As compile.tensorParallel, for this family only. Left out: as for all families.", unit="devices", example=2),
    ] = None
    flags: Annotated[
        Annotated[tuple[CompileFlag, ...], says("", most=FLAGS_MAX, list_type="set"), *FLAG_RULES] | None,
        says("As compile.flags, for this family only. Left out: as for all families; an empty list is none.", example=["--optlevel=3"]),
    ] = None


class BackendFormat(SpecModel):
    """Number formats for one back end, where they differ from the rest."""

    name: Annotated[
        BackendName,
        says("The back end, as in an AcceleratorPool's backends[].name, that the formats below are for.", brief=True, example="openvino"),
    ]
    dtype: Annotated[
        DtypeChoice | None,
        says("As compile.dtype, for this back end only. Left out: as for the pool's family.", brief=True, example="float32"),
    ] = None
    quantization: Annotated[
        Quantization | None,
        says("As compile.quantization, for this back end only. Left out: as for the pool's family.", brief=True, example="Int8Dynamic"),
    ] = None


class ModelVariant(SpecModel):
    """The model in other numbers or by another back end, beside what is said for all pools."""

    RULES = (
        Rule(
            "has(self.backend) || has(self.dtype) || has(self.quantization)",
            "must give at least one of backend, dtype and quantization: a variant that says nothing is what runs without it",
            lambda v: not (v.backend is None and v.dtype is None and v.quantization is None),
        ),
    )

    name: Annotated[
        VariantName,
        says("What it is called. Where a pool is told, POOL.NAME is this variant there.", example="int8"),
    ]
    backend: Annotated[
        BackendName | None,
        says(
            "The back end that makes it, on pools that list it. Left out: as without the variant.",
            brief=True,
            example="onnxruntime",
        ),
    ] = None
    dtype: Annotated[
        DtypeChoice | None, says("As compile.dtype, for this variant only. Left out: as without it.", brief=True, example="bfloat16")
    ] = None
    quantization: Annotated[
        Quantization | None,
        says("As compile.quantization, for this variant only. Left out: as without it.", brief=True, example="Int8WeightOnly"),
    ] = None


class CompileOptions(SpecModel):
    """Compile options for all pools, with exceptions by family and by back end."""

    RULES = (ENOUGH_SHAPES, MADE_BY_SOME_BACK_END)

    dtype: Annotated[DtypeChoice, says(_DTYPE, example="bfloat16")] = DtypeChoice.AUTO
    quantization: Annotated[Quantization, says(_QUANTIZATION, example="Int8Dynamic")] = Quantization.NONE
    batch_sizes: Annotated[
        tuple[BatchSize, ...], says(_BATCH_SIZES, unit="requests", example=[1, 4, 16], least=1, most=8, list_type="set")
    ] = USUAL_BATCHES
    sequence_lengths: Annotated[
        tuple[SequenceLength, ...], says(_SEQUENCE_LENGTHS, unit="tokens", example=[64, 256], least=1, most=8, list_type="set")
    ] = USUAL_LENGTHS
    tensor_parallel: Annotated[TensorParallel, says(_TENSOR_PARALLEL, unit="devices", example=2)] = 1
    flags: Annotated[tuple[CompileFlag, ...], says(_FLAGS, example=["--optlevel=3"], most=FLAGS_MAX, list_type="set"), *FLAG_RULES] = ()
    families: Annotated[
        tuple[FamilyOptions, ...],
        says(
            "Options for single accelerator families where they differ; each field that is given there replaces the one above.",
            most=16,
            keys=("family",),
        ),
    ] = ()
    backends: Annotated[
        tuple[BackendFormat, ...],
        says(
            "Number formats for single back ends where they differ: not every back end honours every format. What is given here "
            "replaces the formats above and those under families.",
            most=8,
            keys=("name",),
        ),
    ] = ()
    variants: Annotated[
        tuple[ModelVariant, ...],
        says(
            "The model in other numbers or by other back ends, to be compared with the one above: on every pool each is compiled, "
            "tried and moved to as if it were a pool of its own. It needs objective.accuracy, and one that is farther from the "
            "reference is never used. What serves stays when variants are added.",
            most=VARIANTS_MAX,
            keys=("name",),
        ),
    ] = ()
    resources: Annotated[
        CompileResources | None,
        says(
            "What a compile of this model gets in place of the operator's config.compile; no part of the compile key. Left out, the"
            " configuration's, with more memory where the catalogue knows of a need."
        ),
    ] = None

    @property
    def quantizations(self) -> Iterator[Quantization]:
        """All that are asked for anywhere."""
        parts: tuple[CompileOptions | FamilyOptions | BackendFormat | ModelVariant, ...]
        parts = (self, *self.families, *self.backends, *self.variants)
        yield from (part.quantization for part in parts if part.quantization is not None)

    @property
    def all_flags(self) -> frozenset[str]:
        """All that are given anywhere."""
        return frozenset(str(flag) for flags in (self.flags, *(f.flags or () for f in self.families)) for flag in flags)

    @property
    def splits(self) -> bool:
        """Whether a model is to be split over devices anywhere."""
        return self.tensor_parallel != 1 or any(f.tensor_parallel not in {None, 1} for f in self.families)

    @property
    def says_shapes(self) -> bool:
        """Whether batch sizes or sequence lengths were given that are not the usual ones."""
        of_families = any(f.batch_sizes is not None for f in self.families)
        return self.says_lengths or of_families or set(self.batch_sizes) != set(USUAL_BATCHES)

    @property
    def is_said(self) -> bool:
        """Whether anything of it is otherwise than where nothing is said."""
        usual = CompileOptions()
        shapeless = self.model_copy(update={"batch_sizes": usual.batch_sizes, "sequence_lengths": usual.sequence_lengths})
        return self.says_shapes or shapeless != usual

    @property
    def says_lengths(self) -> bool:
        """Whether sequence lengths were given that are not the usual ones."""
        return set(self.sequence_lengths) != set(USUAL_LENGTHS) or any(f.sequence_lengths is not None for f in self.families)
