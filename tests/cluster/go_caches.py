"""What Go downloads and compiles on the way to the programs: 12 GB for 0.5 GB of them.

The folders are the person's own where GOMODCACHE and GOCACHE are set. Else they are here, and go when all programs of a plan are there and
nobody else builds; a build that fails leaves them to the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.cache_folder import cache_folder


def _folder() -> Path:
    return cache_folder() / "tools" / "go"


def variables() -> dict[str, str]:
    """What tells Go where they are."""
    ours = {"GOMODCACHE": _folder() / "modules", "GOCACHE": _folder() / "build"}
    return {name: os.environ.get(name) or str(path) for name, path in ours.items()}


@contextmanager
def in_use() -> Iterator[dict[str, str]]:
    """Keep others from removing them, and give the variables."""
    _folder().mkdir(parents=True, exist_ok=True)
    with _folder().with_name("go.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield variables()


def give_back() -> None:
    """Remove those that are here, unless somebody uses them: whoever builds last removes them.

    They go under another name first: half of a module's files, left by a removal that was killed, would fail every build after it.
    """
    leaving = _folder().with_name("go.leaving")
    if not _folder().exists() and not leaving.exists():
        return
    with _folder().with_name("go.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(leaving, ignore_errors=True)
        if _folder().exists():
            _folder().rename(leaving)
            shutil.rmtree(leaving, ignore_errors=True)
