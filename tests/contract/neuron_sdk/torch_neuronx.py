"""A stand-in for torch-neuronx 2.9 (XLA): its documented functions with their documented signatures and failures. It runs on the CPU.

Sources: AWS Neuron SDK documentation 2.29 to 2.32, "PyTorch NeuronX Tracing API" (dynamic batching and weight separation with it), "... Analyze
API", "... Weight Replacement API for Inference", "Lazy and Asynchronous Loading API", "NeuronCore Placement APIs"; neuronx-cc "Command Line Interface Reference". A wrong call fails here as it would fail there, or sooner.
"""

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__version__ = "2.9.0.2.15.32035"

CORES = "STEELYARD_CONTRACT_NEURON_CORES"
"""The stand-in's own: how many NeuronCores this machine has. None is a machine without a device."""
UNSUPPORTED = "STEELYARD_CONTRACT_UNSUPPORTED"
"""The stand-in's own: an operator that the compiler does not know."""
TARGETS = ("inf2", "trn1", "trn1n", "trn2", "trn3")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "--target": TARGETS,
    "--model-type": ("generic", "transformer", "unet-inference"),
    "--auto-cast": ("none", "matmult", "all"),
    "--auto-cast-type": ("bf16", "fp16", "tf32", "fp8_e4m3"),
    "--optlevel": ("1", "2", "3"),
    "--logical-nc-config": ("1", "2"),
    "--native-int64": ("default", "enabled", "disabled"),
    "--implicit-integer-downcast": ("default", "all", "none"),
    "--enable-fast-loading-neuron-binaries": ("",),
    "--enable-fast-context-switch": ("",),
    "--enable-mixed-precision-accumulation": ("",),
    "--enable-saturate-infinity": ("",),
}

calls: list[tuple[str, Any]] = []
"""What was asked of it, in order."""
_saved: set[int] = set()
_loaded_on: list[int] = []
"""The core of each graph that was loaded."""
_placement = threading.local()
_taken = int(os.environ.get("NEURON_RT_NUM_CORES", "0"))
"""The runtime reads it once. 0 takes every core of the machine."""


class _Graph(torch.nn.Module):
    """One NEFF: fixed shapes and types. With `dynamic` a batch of any size is cut into pieces of the traced one, the last filled up."""

    def __init__(self, inner: Any, ids: list[int], mask: list[int], separated: bool) -> None:
        super().__init__()
        self.inner, self.ids, self.mask, self.separated = inner, ids, mask, separated
        self.dynamic = False

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if ids.dtype != torch.int64 or mask.dtype != torch.int64:
            raise RuntimeError("the input type is not the one that was traced")
        if not self.dynamic:
            if list(ids.shape) != self.ids or list(mask.shape) != self.mask:
                raise RuntimeError("the input shape is not the one that was traced")
            return self.inner(ids, mask)
        if ids.shape[1] != self.ids[1] or mask.shape[1] != self.mask[1] or ids.shape[0] != mask.shape[0]:
            raise ValueError("only the batch dimension may differ from what was traced, by the same for all inputs")
        piece = self.ids[0]
        found: list[torch.Tensor] = []
        for start in range(0, ids.shape[0], piece):
            rows = min(piece, ids.shape[0] - start)
            part = torch.nn.functional.pad(ids[start : start + rows], [0, 0, 0, piece - rows])
            seen = torch.nn.functional.pad(mask[start : start + rows], [0, 0, 0, piece - rows], value=1.0)
            found.append(self.inner(part, seen)[:rows])
        return torch.cat(found)


def trace(
    func: Callable[..., Any],
    example_inputs: Any,
    *_: Any,
    input_output_aliases: Any = None,
    compiler_workdir: str | None = None,
    compiler_args: str | list[str] | None = None,
    partitioner_config: Any = None,
    inline_weights_to_neff: bool = True,
    cpu_backend: bool = False,
) -> Any:
    assert not _, "further positional arguments are ignored there with a warning"
    assert not isinstance(func, torch.nn.Module) or not func.training
    words = compiler_args.split() if isinstance(compiler_args, str) else list(compiler_args or [])
    if not cpu_backend and not _cores():
        raise RuntimeError("No Neuron device was found")
    if "--target" not in words:
        _require_platform()
    given = dict(_pairs(words))
    assert len(given) == len(list(_pairs(words))), "an argument is given twice"
    for name, value in given.items():
        if name not in ARGUMENTS or value not in ARGUMENTS[name]:
            raise RuntimeError(f"neuronx-cc failed with exit code 2: {name} {value}")
    calls.append(("trace", (tuple(tuple(t.shape) for t in example_inputs), given, inline_weights_to_neff)))
    with torch.no_grad():
        inner = torch.jit.trace(func, example_inputs, check_trace=False)
    ids, mask = (list(t.shape) for t in example_inputs)
    return torch.jit.script(_Graph(inner, ids, mask, not inline_weights_to_neff))


def dynamic_batch(neuron_script: Any) -> Any:
    """In place, and the same object back. Real ones take graphs with separate weights for an error, or serve them wrong: Optimum refuses them."""
    _require_unsaved(neuron_script)
    assert not neuron_script.separated, "dynamic batching does not go together with separate weights"
    ids, mask = neuron_script.ids, neuron_script.mask
    if ids[0] != mask[0]:
        raise ValueError("all inputs must have one batch size")
    calls.append(("dynamic_batch", (tuple(ids), tuple(mask))))
    neuron_script.dynamic = True
    return neuron_script


def replace_weights(neuron_model: Any, weights: "torch.nn.Module | dict[str, torch.Tensor]") -> None:
    """In place. On a graph with its weights inlined it warns, and nothing happens."""
    assert isinstance(neuron_model, torch.jit.ScriptModule)
    given = weights.state_dict() if isinstance(weights, torch.nn.Module) else weights
    calls.append(("replace_weights", len(given)))
    if not neuron_model.separated:
        warnings.warn("the model has no separated weights", stacklevel=2)
        return
    with torch.no_grad():
        there = neuron_model.inner.state_dict()
        for name, tensor in given.items():
            assert there[name].shape == tensor.shape and there[name].dtype == tensor.dtype, name
            there[name].copy_(tensor)


def move_trace_to_device(trace: Any, device_id: int) -> None:
    assert isinstance(trace, torch.jit.ScriptModule)
    if not 0 <= device_id < _visible():
        raise ValueError(f"there is no core {device_id}")
    calls.append(("move_trace_to_device", device_id))


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """Of a name and its value, in one word or in two."""
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        yield name, value if equals or ARGUMENTS.get(name) == ("",) else next(left, "")


def _require_platform() -> None:
    """Which platform it is for is asked of the machine, where neither the words nor the environment say it."""
    if os.environ.get("NEURON_PLATFORM_TARGET_OVERRIDE") not in TARGETS and not _cores():
        raise RuntimeError(
            'Unsupported Platform - If you want to compile on CPU, please supply compiler argument target. Ex: "--target trn1"'
        )


def analyze(
    func: Callable[..., Any],
    example_inputs: Any,
    compiler_workdir: str | None = None,
    additional_ignored_ops: set[str] = frozenset(),  # type: ignore[assignment]
    max_workers: int = 4,
    is_hf_transformers: bool = False,
    cleanup: bool = False,
) -> dict[str, Any]:
    _require_platform()
    calls.append(("analyze", tuple(tuple(t.shape) for t in example_inputs)))
    missing = os.environ.get(UNSUPPORTED)
    found = [{"kind": missing, "failureAt": "neuronx-cc", "call": "model.py(1): forward", "opGraph": ""}] if missing else []
    return {
        "torch_neuronx_version": __version__,
        "neuronx_cc_version": "2.27.5334.0",
        "support_percentage": "90.00%" if missing else "100.00%",
        "supported_operators": {"aten": {"aten::linear": 1}},
        "unsupported_operators": found,
    }


def async_load(trace: Any, enable_async_load: bool = True) -> None:
    _require_unsaved(trace)
    calls.append(("async_load", enable_async_load))


def lazy_load(trace: Any, enable_lazy_load: bool = True) -> None:
    _require_unsaved(trace)
    calls.append(("lazy_load", enable_lazy_load))


def _require_unsaved(trace: Any) -> None:
    assert isinstance(trace, torch.jit.ScriptModule)
    assert id(trace) not in _saved, "it is kept in the file, and the file is written"


@contextmanager
def neuron_cores_context(start_nc: int = -1, nc_count: int = -1) -> Iterator[None]:
    if not _cores():
        raise RuntimeError("the Neuron runtime is not there")
    if nc_count < -1 or nc_count == 0 or nc_count > _visible():
        raise ValueError(f"nc_count {nc_count} is beyond the {_visible()} visible cores")
    _placement.start = start_nc
    try:
        yield
    finally:
        del _placement.start


def _cores() -> int:
    return int(os.environ.get(CORES, "0"))


def _visible() -> int:
    visible = os.environ.get("NEURON_RT_VISIBLE_CORES", "")
    first, _, last = visible.partition("-")
    mine = int(last or first) - int(first) + 1 if visible else _taken
    return min(_cores(), mine or _cores())


_save, _load = torch.jit.save, torch.jit.load


def _saving(module: Any, f: Any, _extra_files: Any = None) -> None:
    _saved.add(id(module))
    calls.append(("save", str(f)))
    _save(module, f)


def _loading(f: Any, map_location: Any = None, _extra_files: Any = None) -> Any:
    """A load puts the graph on a core at once, round-robin where nothing was said."""
    if not _cores():
        raise RuntimeError("the Neuron runtime could not be initialised: no device")
    core = getattr(_placement, "start", len(_loaded_on) % _visible())
    if core >= _visible():
        raise RuntimeError(f"nrt_load failed: there is no core {core}")
    _loaded_on.append(core)
    return _load(f)


torch.jit.save, torch.jit.load = _saving, _loading
