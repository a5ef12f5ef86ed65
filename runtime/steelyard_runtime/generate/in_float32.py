"""A network that computes in float32 and keeps its weights in the 16 bits that they come in: one layer at a time is widened.

Widening is exact, so what is computed is what all of it in float32 computes, in half of the memory.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any


def in_float32(network: Any) -> Any:
    """Return the network. Its layers are the children of its largest list of modules; what is outside of them is widened for good."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415

    lists = [module for module in network.modules() if isinstance(module, torch.nn.ModuleList)]
    layers = list(max(lists, key=_size)) if lists else []
    inside = {id(tensor) for layer in layers for tensor in _tensors(layer)}
    for tensor in _tensors(network):
        if id(tensor) not in inside:
            _widen(tensor)
    for layer in layers:
        if any(_is_narrow(tensor) for tensor in _tensors(layer)):
            _WidenedLayer(layer)
    return network


class _WidenedLayer:
    """A layer that is wide while it computes."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._narrow: list[tuple[Any, Any]] = []
        layer.register_forward_pre_hook(self._before)
        layer.register_forward_hook(self._after, always_call=True)

    def _before(self, *_: Any) -> None:
        self._narrow = [(tensor, tensor.data) for tensor in _tensors(self._layer) if _is_narrow(tensor)]
        for tensor, _ in self._narrow:
            _widen(tensor)

    def _after(self, *_: Any) -> None:
        for tensor, data in self._narrow:
            tensor.data = data
        self._narrow = []


def _tensors(module: Any) -> Iterator[Any]:
    return chain(module.parameters(), module.buffers())


def _size(module: Any) -> int:
    return sum(int(tensor.numel()) for tensor in module.parameters())


def _is_narrow(tensor: Any) -> bool:
    return bool(tensor.is_floating_point()) and tensor.element_size() < 4


def _widen(tensor: Any) -> None:
    if _is_narrow(tensor):
        tensor.data = tensor.data.float()
