"""What went wrong, for people: one line that says what, one that says what to do. Never a traceback."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818 - a word for people, not for stack traces.
    """`what` is wrong; `todo` mends it."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo


class Forbidden(Problem):
    """The user may not do that. Commands go on without what is only beside the point."""


class NotThere(Problem):
    """The API server knows no such path: the object, or its kind, does not exist."""


class Exists(Problem):
    """There is one of that name already."""


class Invalid(Problem):
    """The API server does not take the object; `what` says which field and why."""
