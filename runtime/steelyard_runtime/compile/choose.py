"""From the name of a back end to the back end."""

from steelyard_runtime.compile.backend import Backend
from steelyard_runtime.compile.eager import Eager
from steelyard_runtime.compile.inductor import Inductor
from steelyard_runtime.compile.neuron import Neuron
from steelyard_runtime.compile.onnxruntime import OnnxRuntime
from steelyard_runtime.compile.onnxruntime_cuda import OnnxRuntimeCuda
from steelyard_runtime.compile.openvino import OpenVino
from steelyard_runtime.compile.optimum_neuron import OptimumNeuron
from steelyard_runtime.compile.torch_neuron import TorchNeuron, is_torch_neuron
from steelyard_runtime.failure import Reason, user_failure

TORCH_NEURON = TorchNeuron()
ONNXRUNTIME_CUDA = OnnxRuntimeCuda()
BACKENDS: tuple[Backend, ...] = (OpenVino(), OnnxRuntime(), Inductor(), Eager(), Neuron(), OptimumNeuron())
"""One for each name."""


def backend_named(name: str, toolchain: tuple[tuple[str, str], ...] = ()) -> Backend:
    """Return the back end of that name; one that is unknown has no toolchain here.

    toolchain: versions by package. Two products are called torch-neuronx, and the version of the one that is named decides which is meant; ONNX
    Runtime has one package for processors and one for CUDA.
    """
    if name == TORCH_NEURON.name and is_torch_neuron(dict(toolchain).get(TORCH_NEURON.packages[0], "")):
        return TORCH_NEURON
    if name == ONNXRUNTIME_CUDA.name and ONNXRUNTIME_CUDA.packages[0] in dict(toolchain):
        return ONNXRUNTIME_CUDA
    for backend in BACKENDS:
        if backend.name == name:
            return backend
    known = ", ".join(backend.name for backend in BACKENDS)
    raise user_failure(Reason.UNSUPPORTED_TARGET, f"there is no back end {name!r} in this image; known are: {known}")
