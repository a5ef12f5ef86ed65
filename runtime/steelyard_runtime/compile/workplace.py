"""The folders that the containers of a compile Job hand on: each writes one, which those after it can only read.

`fetched` is written by the container that downloads, `made` by the one that compiles, and nothing of ours by the one that publishes. Of what lies
in `made` nothing is believed: it was written by a process that has read a model of unknown origin.
"""

import json
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from steelyard_runtime.artifacts import manifest as manifests
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.artifacts.publish import files_of
from steelyard_runtime.failure import Failure, Reason, infrastructure_failure

NOTE = "fetched.json"
STORED = "stored.json"
"""The manifest of an artifact that need not be made."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the first container hands on: the model's folder, or the manifest of the artifact that the store has already."""

    started_at: datetime
    folder: Path | None
    stored: Manifest | None


@dataclass(frozen=True, slots=True)
class Workplace:
    """Both folders, which exist."""

    fetched: Path
    made: Path

    @property
    def model(self) -> Path:
        """Where a download goes."""
        return self.fetched / "model"

    @property
    def artifact(self) -> Path:
        """Where the artifact's files are made."""
        return self.made / "artifact"

    @property
    def graphs(self) -> Path:
        """Where graphs are left that other checkpoints may share."""
        return self.made / "graphs"

    def note(self, found: Fetched) -> None:
        """Hand on what was found."""
        if found.stored is not None:
            (self.fetched / STORED).write_bytes(found.stored.encoded())
        document = {"startedAt": found.started_at.isoformat(), "folder": None if found.folder is None else str(found.folder)}
        (self.fetched / NOTE).write_text(json.dumps(document))

    def noted(self) -> Fetched:
        """What was handed on; raises `Failure` where nothing was."""
        try:
            read: dict[str, Any] = json.loads((self.fetched / NOTE).read_text())
            folder, stored = read["folder"], self.fetched / STORED
            return Fetched(
                datetime.fromisoformat(read["startedAt"]),
                None if folder is None else Path(folder),
                manifests.decoded(stored.read_bytes()) if stored.exists() else None,
            )
        except (OSError, ValueError) as error:
            raise infrastructure_failure(Reason.UNEXPECTED, f"the container that downloads has handed nothing on: {error}") from error

    def described(self, folder: Path) -> Manifest | None:
        """The manifest of a folder in `made`; None where there is none. Raises `Failure` unless it lists exactly the plain files that are there."""
        beside = _beside(folder)
        if not os.path.lexists(beside):
            return None
        _require_plain(self.made)
        if beside.stat().st_size > manifests.SIZE_LIMIT:
            raise _unbelievable(f"its manifest is larger than {manifests.SIZE_LIMIT} bytes")
        try:
            manifest = manifests.decoded(beside.read_bytes())
        except (ValueError, RecursionError) as error:
            raise _unbelievable(f"its manifest cannot be read: {error}") from error
        if manifest.files != files_of(folder):
            raise _unbelievable("its manifest lists other files than those that are there")
        return manifest


def describe(folder: Path, manifest: Manifest) -> None:
    """Lay a manifest beside the folder that it describes."""
    _beside(folder).write_bytes(manifest.encoded())


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _require_plain(folder: Path) -> None:
    """A link would have a file published that lies elsewhere: a key of the container that publishes."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent) / name
            mode = path.lstat().st_mode
            if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                raise _unbelievable(f"{path.relative_to(folder)} is a link, or no file")


def _unbelievable(what: str) -> Failure:
    return infrastructure_failure(Reason.COMPILE_FAILED, f"what the compiling container has made is not published: {what}")
