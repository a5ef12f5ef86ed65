"""kopf's watch tasks. One that fails ends alone and tells nobody, and the operator would decide on what it saw last, for ever.

kopf begins a stream anew after 429, 5xx, lost connections and a 410 that comes as an event. Everything else ends the task: a 410 as an
HTTP status, a 403 while roles are changed, a 404 while a CRD is replaced, an error event. So whoever runs kopf looks after its tasks.
"""

import asyncio

PREFIX = "watcher for "
"""Of the names that kopf gives these tasks."""


class Watchers:
    """All watch tasks ever seen in this loop."""

    def __init__(self) -> None:
        self._seen: set[asyncio.Task[object]] = set()

    def failed(self) -> dict[str, BaseException]:
        """What ended by itself, by name, and why. Who was cancelled has not failed: that is how kopf stops them."""
        self._seen.update(task for task in asyncio.all_tasks() if task.get_name().startswith(PREFIX))
        ended = [task for task in self._seen if task.done() and not task.cancelled()]
        return {task.get_name().removeprefix(PREFIX): task.exception() or EOFError("it just ended") for task in ended}
