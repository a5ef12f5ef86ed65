"""What all tasks have in common whose models end in logits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steelyard_runtime.artifacts.golden import Golden
from steelyard_runtime.artifacts.manifest import Measured
from steelyard_runtime.tasks.measure import Measure


class Logits:
    """A transformer and its head, as transformers saves them. Probabilities and orders are made of the logits outside of the graph."""

    name: str
    measure: Measure
    inputs = ("input_ids", "attention_mask")
    output = "logits"

    def settings(self, model: Path) -> Mapping[str, object]:
        """Nothing that is not in config.json."""
        return {"head": self.name}

    def finish(self, output: Any, mask: Any, settings: Mapping[str, Any]) -> Any:
        """Optimum gives the logits."""
        return output

    def accuracy(self, golden: Golden, value: float | None, tolerance: float) -> Measured:
        """The figure and its limit."""
        return Measured(self.measure.word, value, tolerance)
