"""A stand-in for TorchNeuron (torch-neuronx 2.13): the device string, the back end of torch.compile and its cache. It runs on the CPU.

Dynamo is the real one: what it cannot capture whole, it refuses here as there. Sources: AWS Neuron documentation 2.33 (2026-10), "torch.compile
backend reference", "How torch.compile works on Neuron", "TorchNeuron environment variables".
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import torch

__version__ = "2.13.3.0"

CORES = "STEELYARD_CONTRACT_NEURON_CORES"
"""The stand-in's own: how many NeuronCores this machine has."""
compiled: list[tuple[str, bool]] = []
"""Graphs by their hash, and whether the cache had them."""
_on_device: set[int] = set()
_cache: list[Path] = []
"""The folder, once it was asked for."""
_tensor_to, _module_to, _compile = torch.Tensor.to, torch.nn.Module.to, torch.compile


def _neff_folder() -> Path:
    """The variable is read once, before the first work on the device."""
    if not _cache:
        if not int(os.environ.get(CORES, "0")):
            raise RuntimeError("no Neuron device was found")
        _cache.append(Path(os.environ.get("TORCH_NEURONX_NEFF_CACHE_DIR", "/tmp/neff_cache")))
    return _cache[0]


def _is_neuron(where: Any) -> bool:
    """The word alone, as the documentation has it: this torch has no such device."""
    return bool(where == "neuron")


def _moving_tensor(self: Any, *where: Any, **more: Any) -> Any:
    if not (where and _is_neuron(where[0])):
        return _tensor_to(self, *where, **more)
    _neff_folder()
    moved = self.clone()
    _on_device.add(moved.data_ptr())
    return moved


def _moving_module(self: Any, *where: Any, **more: Any) -> Any:
    if not (where and _is_neuron(where[0])):
        return _module_to(self, *where, **more)
    _neff_folder()
    _on_device.update(tensor.data_ptr() for tensor in (*self.parameters(), *self.buffers()))
    return self


def _checking_compile(model: Any = None, **asked: Any) -> Any:
    if asked.get("backend") == "neuron":
        assert asked.get("dynamic") is not True, "dynamic=True is rejected"
        assert asked.get("mode") in (None, "default"), "other modes have no effect"
    return _compile(model, **asked)


def _neuron(graph: Any, example_inputs: Any) -> Any:
    """Lower a captured graph to a NEFF, or find it in the cache: <folder>/ab/cd/<hash>.neff."""
    shapes = [(tuple(each.shape), str(each.dtype)) for each in example_inputs]
    key = hashlib.sha256(f"{graph.code}{shapes}".encode()).hexdigest()
    neff = _neff_folder() / key[:2] / key[2:4] / f"{key}.neff"
    compiled.append((key, neff.exists()))
    if not neff.exists():
        neff.parent.mkdir(parents=True, exist_ok=True)
        neff.write_bytes(key.encode())
        neff.with_suffix(".lock").touch()

    def run(*inputs: Any) -> Any:
        assert all(each.data_ptr() in _on_device for each in inputs), "a tensor is on the CPU and the graph is not"
        return graph(*inputs)

    return run


def load_into_torch() -> None:
    """What torch does by itself when it is imported, where the package is installed."""
    torch._dynamo.register_backend(_neuron, name="neuron")
    torch.Tensor.to, torch.nn.Module.to, torch.compile = _moving_tensor, _moving_module, _checking_compile  # type: ignore[method-assign,assignment]


def unload() -> None:
    """The end of the process."""
    torch.Tensor.to, torch.nn.Module.to, torch.compile = _tensor_to, _module_to, _compile  # type: ignore[method-assign]
    torch._dynamo.reset()
    torch._dynamo.backends.registry._COMPILER_FNS.pop("neuron", None)
