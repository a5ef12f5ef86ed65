"""What a graph takes and gives: names, datatypes and shapes, and whether rows may be computed together. It travels inside of the artifact."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard_runtime.tensors.datatype import BY_NAME, Datatype

NAME = "signature.json"
Shape = tuple[int | None, ...]
"""None: any size."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output of a graph."""

    name: str
    datatype: Datatype
    shape: Shape


@dataclass(frozen=True, slots=True)
class Signature:
    """A graph's inputs and outputs in its own order.

    batched: the first axis of each counts rows that do not depend on each other, so that those of several requests may be computed together.
    rows: how many there must be in each run, where the graph fixes it (more than one).
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    batched: bool = False
    rows: int | None = None

    def asked(self, tensor: Tensor) -> Shape:
        """The shape that a request gives or gets: of rows as many as it likes, where they are computed with others."""
        return (None, *tensor.shape[1:]) if self.batched else tensor.shape


def first_axis(tensors: Iterable[Tensor]) -> tuple[bool, int | None]:
    """Whether the first axis of all may count rows, by their shapes alone, and how many where that is fixed.

    It does where all leave it open, or all fix the same number above 1; a fixed batch of 1 is one request's. Names of open axes do not count:
    exporters give the same axis another at each end of a graph.
    """
    first = {each.shape[0] if each.shape else 1 for each in tensors}
    if len(first) != 1 or first <= {0, 1}:
        return False, None
    return True, first.pop()


def save_signature(signature: Signature, folder: Path) -> None:
    """Write it into an artifact's folder."""
    document = {
        "inputs": [_document(each) for each in signature.inputs],
        "outputs": [_document(each) for each in signature.outputs],
        "batched": signature.batched,
        "rows": signature.rows,
    }
    (folder / NAME).write_text(json.dumps(document, sort_keys=True))


def load_signature(folder: Path) -> Signature:
    """Read it from an artifact's folder, which was verified."""
    document: Any = json.loads((folder / NAME).read_text())
    return Signature(
        tuple(_tensor(each) for each in document["inputs"]),
        tuple(_tensor(each) for each in document["outputs"]),
        document["batched"],
        document["rows"],
    )


def _document(tensor: Tensor) -> dict[str, object]:
    return {"name": tensor.name, "datatype": tensor.datatype.name, "shape": list(tensor.shape)}


def _tensor(item: Any) -> Tensor:
    return Tensor(item["name"], BY_NAME[item["datatype"]], tuple(item["shape"]))
