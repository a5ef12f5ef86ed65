"""The kinds of the group, in the order in which a reader meets them."""

from steelyard.api.accelerator_pool import ACCELERATOR_POOL
from steelyard.api.accelerator_trial import ACCELERATOR_TRIAL
from steelyard.api.compiled_model import COMPILED_MODEL
from steelyard.api.inference_workload import INFERENCE_WORKLOAD
from steelyard.api.kind import Kind
from steelyard.api.scale_target import SCALE_TARGET

KINDS: tuple[Kind, ...] = (INFERENCE_WORKLOAD, ACCELERATOR_POOL, COMPILED_MODEL, ACCELERATOR_TRIAL, SCALE_TARGET)
