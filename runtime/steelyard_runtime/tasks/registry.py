"""The tasks of Steelyard's own server. A new one is a module beside this one, and a line here."""

from collections.abc import Mapping

from steelyard_runtime.tasks.embeddings import Embeddings
from steelyard_runtime.tasks.task import Task

TASKS: Mapping[str, Task] = {task.name: task for task in (Embeddings(),)}
"""By the word in specifications and manifests."""
USUAL = Embeddings.name
"""Where none is said."""
