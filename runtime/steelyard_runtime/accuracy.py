"""Golden samples through an engine: how near its answers are to the reference's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.golden import Golden
from steelyard_runtime.compile.backend import Engine
from steelyard_runtime.tasks.task import Head, Run, Task
from steelyard_runtime.tokens import bucket_of


def golden_accuracy(task: Task, engine: Engine, head: Head, lengths: Sequence[int], batches: Sequence[int], golden: Golden) -> float:
    """Return how near the answers are to the reference's by the task's measure, of the farthest graph: those of each batch size where it has its
    own."""
    return task.measure.worst(
        head.compare(answers_to(engine.run, head, lengths, batch, golden.samples), golden.answers)
        for batch in (batches if engine.fixed_batch else (1,))
    )


def answers_to(run: Run, head: Head, lengths: Sequence[int], batch: int, samples: Sequence[Any]) -> list[NDArray[np.float32]]:
    """Return the answers to samples, each in its bucket, in all `batch` rows, and read from another row than the one before."""
    rows, _ = head.encode(samples)
    found = []
    for number, row in enumerate(rows):
        these = [row] * batch
        found.append(head.read(run(*head.feed(these, bucket_of(len(row), lengths), batch)), these)[number % batch])
    return found
