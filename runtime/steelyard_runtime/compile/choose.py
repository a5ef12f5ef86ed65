"""From the name of a back end to the back end."""

from steelyard_runtime.compile.backend import Backend
from steelyard_runtime.compile.eager import Eager
from steelyard_runtime.compile.inductor import Inductor
from steelyard_runtime.compile.neuron import Neuron
from steelyard_runtime.compile.onnxruntime import OnnxRuntime
from steelyard_runtime.compile.openvino import OpenVino
from steelyard_runtime.failure import Reason, user_failure

BACKENDS: tuple[Backend, ...] = (OpenVino(), OnnxRuntime(), Inductor(), Eager(), Neuron())


def backend_named(name: str) -> Backend:
    """Return the back end of that name; one that is unknown has no toolchain here."""
    for backend in BACKENDS:
        if backend.name == name:
            return backend
    known = ", ".join(backend.name for backend in BACKENDS)
    raise user_failure(Reason.UNSUPPORTED_TARGET, f"there is no back end {name!r} in this image; known are: {known}")
