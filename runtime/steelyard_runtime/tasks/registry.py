"""The tasks of Steelyard's own server. A new one is a module beside this one, and a word here."""

from collections.abc import Mapping

from steelyard_runtime.tasks.embeddings import Embeddings
from steelyard_runtime.tasks.task import Task
from steelyard_runtime.tasks.text_classification import TextClassification
from steelyard_runtime.tasks.text_ranking import TextRanking
from steelyard_runtime.tasks.token_classification import TokenClassification

_ALL: tuple[Task, ...] = (Embeddings(), TextClassification(), TokenClassification(), TextRanking())
TASKS: Mapping[str, Task] = {task.name: task for task in _ALL}
"""By the word in specifications and manifests."""
USUAL = Embeddings.name
"""Where none is said."""
