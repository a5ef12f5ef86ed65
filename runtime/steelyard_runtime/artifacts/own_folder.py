"""The folder that a server puts its artifact in. A pod's /tmp outlives its containers: what an ended one left goes when the next begins."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIX = "steelyard-artifact-"


def own_folder() -> Path:
    """Make an empty folder below the temporary one, after those of ended processes are removed. It is ours as long as this process runs."""
    for left in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        _remove_left_behind(left)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        # Between its making and its lock another process may take it for left behind: then the next one.
        with suppress(FileNotFoundError):
            handle = _opened(folder)
            with suppress(OSError):  # where the file system knows no locks nobody removes it
                fcntl.flock(handle, fcntl.LOCK_EX)
            if folder.is_dir():
                return folder  # The handle stays open: the lock ends with the process.
            os.close(handle)


def _remove_left_behind(folder: Path) -> None:
    try:
        handle = _opened(folder)
    except OSError:  # gone, or another user's
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # of a process that runs
        pass
    finally:
        os.close(handle)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
