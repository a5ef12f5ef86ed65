"""The tasks of Steelyard's own server. A new one is a module beside this one, and a word here."""

from collections.abc import Mapping

from steelyard_runtime.serve.door import Endpoint
from steelyard_runtime.tasks.embeddings import Embeddings
from steelyard_runtime.tasks.graph_task import GraphTask
from steelyard_runtime.tasks.image_classification import ImageClassification
from steelyard_runtime.tasks.task import Task
from steelyard_runtime.tasks.tensors import Tensors
from steelyard_runtime.tasks.text_classification import TextClassification
from steelyard_runtime.tasks.text_ranking import TextRanking
from steelyard_runtime.tasks.token_classification import TokenClassification

_TEXTS: tuple[Task, ...] = (Embeddings(), TextClassification(), TokenClassification(), TextRanking())
_GRAPHS: tuple[GraphTask, ...] = (Tensors(), ImageClassification())
TASKS: Mapping[str, Task] = {task.name: task for task in _TEXTS}
"""About texts, by the word in specifications and manifests."""
GRAPHS: Mapping[str, GraphTask] = {task.name: task for task in _GRAPHS}
"""About tensors."""
SERVED = (*TASKS, *GRAPHS)
USUAL = Embeddings.name
"""Where none is said."""


def endpoints_of(task: str) -> tuple[Endpoint, ...]:
    """Where a task is asked beside the Open Inference Protocol."""
    return TASKS[task].endpoints if task in TASKS else GRAPHS[task].endpoints
