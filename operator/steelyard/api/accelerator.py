"""The device of a pool's nodes, and what a model is compiled with for it."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Pattern, Rule
from steelyard.api.text import FamilyName
from steelyard.api.word import Word

CPU_FAMILY = "cpu"


class BackendName(Word):
    """What a model is compiled with and run by."""

    ONNXRUNTIME = "onnxruntime", "ONNX Runtime"
    OPENVINO = "openvino", "OpenVINO, for Intel and other x86 or ARM CPUs"
    INDUCTOR = "inductor", "PyTorch's compiler"
    EAGER = "eager", "PyTorch without a compiler"
    NEURON = "neuron", "the Neuron compiler, for Inferentia and Trainium"
    OPTIMUM_NEURON = "optimum-neuron", "Optimum on the Neuron compiler"
    VLLM = "vllm", "vLLM, which compiles for itself"


class Accelerator(SpecModel):
    """The device of the pool's nodes."""

    RULES = (
        Rule(
            "self.family == oldSelf.family && self.model == oldSelf.model",
            "must not change: what was compiled and measured for this pool is of its accelerator; make another pool for another accelerator, or "
            "delete this one and make it again (what serves there goes on meanwhile)",
            None,
            field="model",
            reason="FieldValueForbidden",
        ),
        Rule(
            "self.family == 'cpu' || has(self.resourceName)",
            'must be given for every family but cpu: the resource that the device plugin offers, such as "aws.amazon.com/neuron"',
            lambda a: a.family == CPU_FAMILY or a.resource_name is not None,
            field="resourceName",
            reason="FieldValueRequired",
        ),
        Rule(
            "self.family != 'cpu' || (!has(self.resourceName) && !has(self.memoryGiB))",
            "must be left out for the family cpu, together with memoryGiB: a CPU is no device; give cpu and memory in shapes",
            lambda a: a.family != CPU_FAMILY or (a.resource_name is None and a.memory_gib is None),
            field="resourceName",
            reason="FieldValueForbidden",
        ),
    )

    family: Annotated[
        FamilyName,
        says(
            "The family of the accelerator, which decides what can be compiled for it and counts for the guard against lock-in. Known ones "
            "are cpu, neuron-inf2, neuron-trn1, neuron-trn2, neuron-trn3, nvidia, amd, gaudi and tpu; others may be named.",
            example="neuron-inf2",
        ),
    ]
    model: Annotated[
        Annotated[
            str,
            Field(max_length=63),
            Pattern("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", 'must be a model in lower case, such as "inferentia2" or "a10g"'),
        ],
        says(
            "The model of the accelerator, as the catalogue of facts knows it. A pool has one only, for all its life; use one pool for each.",
            example="inferentia2",
        ),
    ]
    resource_name: Annotated[
        Annotated[
            str,
            Field(max_length=253),
            Pattern(
                "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
                'must be an extended resource DOMAIN/NAME, such as "nvidia.com/gpu"',
            ),
        ]
        | None,
        says(
            "The extended resource by which pods ask for one device, as the device plugin names it. The family cpu has none.",
            example="aws.amazon.com/neuron",
        ),
    ] = None
    memory_gib: Annotated[
        Annotated[int, says("", low=1, high=4096)] | None,
        says(
            "The memory of one device. A pool whose devices are too small for a model of vllm is refused. Left out, it is the catalogue's; where that "
            "does not know it either, nothing is refused by it.",
            unit="GiB",
            example=32,
        ),
    ] = None


class Backend(SpecModel):
    """One way to compile and run a model here."""

    name: Annotated[BackendName, says("The back end to use. The first one in the list that supports the model is taken.", example="neuron")]
    target: Annotated[
        Annotated[
            str,
            Field(max_length=63),
            Pattern("^[a-z0-9]([-a-z0-9_./]*[a-z0-9])?$", 'must be a compile target in lower case, such as "inf2", "sm_86" or "x86-64-v4"'),
        ]
        | None,
        says(
            "What to compile for: the back end is used with a toolchain of this target alone. Left out, any of the operator's toolchains of the back "
            "end for this family will do.",
            example="sm_86",
        ),
    ] = None
