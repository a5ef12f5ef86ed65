"""`fetch-model`: a model's files, held against their digest, for a program that is not ours. Nothing of them is parsed."""

import logging
import re
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from steelyard_runtime.document import from_environment
from steelyard_runtime.failure import Failure, FailureClass, Reason, infrastructure_failure, user_failure
from steelyard_runtime.models.policy import DownloadPolicy, download_policy
from steelyard_runtime.models.source import fetch, lists_files, verified_digest
from steelyard_runtime.termination import write_termination_message

LOG = logging.getLogger("steelyard.models")
VARIABLE = "STEELYARD_MODEL_SPEC"
REMEDY = "raise spec.server.custom.disk, half of which is for the model"
HOPELESS = 3
"""Exit code where no other try can mend it: what was asked for has to change."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model, the folder for its files, and what its download may do. digest None: only the hub says what the files of `revision` are."""

    uri: str
    digest: str | None
    revision: str | None
    into: Path
    policy: DownloadPolicy


def wanted_model(environment: Mapping[str, str]) -> Wanted:
    """Read the specification; raises `Failure` (InvalidSpec) naming the field."""
    document = from_environment(VARIABLE, environment)
    model = document.child("model")
    found = Wanted(
        uri=model.text("uri"),
        digest=model.optional_text("digest"),
        revision=model.optional_text("revision"),
        into=Path(document.text("into")),
        policy=replace(download_policy(document.child("download", optional=True)), remedy=REMEDY),
    )
    for part in (document, model):
        part.finish()
    if found.digest is None and not (found.uri.startswith("hf://") and re.fullmatch(r"[0-9a-f]{40}", found.revision or "")):
        raise user_failure(
            Reason.INVALID_SPEC, f"{VARIABLE}.model must have a digest, or for hf:// a commit of 40 hex digits as its revision"
        )
    return found


def fetch_model(wanted: Wanted) -> None:
    """Bring the files into the folder, which has nothing else in it afterwards; raises `Failure` and leaves nothing that is not as it was asked for."""
    _empty(wanted.into)
    try:
        folder = fetch(wanted.uri, wanted.into, revision=wanted.revision, digest=wanted.digest, policy=wanted.policy)
        listed = wanted.digest if lists_files(wanted.uri) else None
        if folder != wanted.into:
            # What lies on a claim may change while it is served: what is verified is what is handed on.
            verified_digest(folder, listed)
            _require_room(folder, wanted)
            shutil.copytree(folder, wanted.into, dirs_exist_ok=True)
        digest = verified_digest(wanted.into, listed)
    except BaseException:
        _empty(wanted.into)
        raise
    LOG.info("%s is there, %s", wanted.uri, digest)


def run_fetch(environment: Mapping[str, str]) -> int:
    """Do it, tell a failure as the termination message, and return the exit code."""
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        wanted = wanted_model(environment)
        LOG.info("fetching %s", wanted.uri)
        fetch_model(wanted)
        return 0
    except Exception as error:  # every end is told
        failure = error if isinstance(error, Failure) else infrastructure_failure(Reason.UNEXPECTED, f"{type(error).__name__}: {error}")
        LOG.error("%s: %s", failure.reason, failure.message, exc_info=None if isinstance(error, Failure) else error)
        told = {"result": "Failed", "class": str(failure.kind), "reason": str(failure.reason), "message": failure.message}
        write_termination_message(told, environment)
        return HOPELESS if failure.kind is FailureClass.USER else 1


def _empty(folder: Path) -> None:
    """An earlier try may have left a part."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def _require_room(folder: Path, wanted: Wanted) -> None:
    files = [each for each in folder.rglob("*") if each.is_file()]
    wanted.policy.require_room(sum(each.stat().st_size for each in files), len(files), wanted.uri)


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise infrastructure_failure(Reason.INTERRUPTED, "the download was told to stop (SIGTERM) before it was done")
