"""The words users speak: CRD models, conditions, and the generator of crds/."""

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.accelerator_trial import AcceleratorTrial
from steelyard.api.compiled_model import CompiledModel
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.kind import API_VERSION, GROUP, VERSION
from steelyard.api.parse import FieldError, parse
from steelyard.api.scale_target import ScaleTarget

__all__ = [
    "API_VERSION",
    "GROUP",
    "VERSION",
    "AcceleratorPool",
    "AcceleratorTrial",
    "CompiledModel",
    "FieldError",
    "InferenceWorkload",
    "ScaleTarget",
    "parse",
]
