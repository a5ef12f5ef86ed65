"""What is installed here of each back end for processors: the part of a compile key that a machine decides."""

from steelyard_runtime.compile.eager import Eager
from steelyard_runtime.compile.inductor import Inductor
from steelyard_runtime.compile.onnxruntime import OnnxRuntime
from steelyard_runtime.compile.openvino import OpenVino
from steelyard_runtime.compile.target import own_target
from steelyard_runtime.compile.toolchain import Packaged, installed

FOR_PROCESSORS: tuple[Packaged, ...] = (OpenVino(), OnnxRuntime(), Inductor(), Eager())


def own_toolchains() -> dict[str, dict[str, object]]:
    """By back end: the target of this machine, and the version of each of its packages, null for one that is not installed. The first package is the
    one without which nothing can be loaded."""
    return {
        each.name: {"target": own_target(each.name), "packages": {package: installed(package) for package in each.packages}}
        for each in FOR_PROCESSORS
    }
