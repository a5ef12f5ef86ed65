"""Downloading a model from S3."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from steelyard_runtime.arrival import Advance
from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure
from steelyard_runtime.models.policy import DownloadPolicy
from steelyard_runtime.s3_bucket import open_bucket
from steelyard_runtime.s3_object import read_object

if TYPE_CHECKING:
    from obstore import ObjectMeta

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
OWN = "MODEL_"
"""In front of these names where the model has a Secret of its own: under the names themselves are the store's."""


def download(uri: str, into: Path, advance: Advance, policy: DownloadPolicy) -> Path:
    """Download every object below the address into a folder, and return the folder."""
    import obstore  # noqa: PLC0415  file:// and pvc:// models need no S3 client
    from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415

    store, prefix = open_bucket(uri, credentials(os.environ))
    root = f"{prefix}/" if prefix else ""
    try:
        found = _files(_listed(obstore.list(store, prefix or None), uri, policy), prefix)
        done, size = 0, sum(each["size"] for each in found)
        for each in found:
            target = _inside(into, each["path"], root)
            try:
                with target.open("wb") as file:
                    for chunk in read_object(store, each["path"], size=each["size"]):
                        file.write(chunk)
                        done += len(chunk)
                        advance(done, size)
            except (NotFoundError, FileNotFoundError) as error:
                if each["size"]:
                    raise infrastructure_failure(
                        Reason.STORE_UNAVAILABLE,
                        f"{uri}: {each['path']} was removed while the model was downloaded; it will be tried again",
                    ) from error
                target.unlink()  # a folder that somebody made and left empty
    except BaseError as error:
        raise infrastructure_failure(Reason.STORE_UNAVAILABLE, f"{uri}: {error}; check endpoint, credentials and network") from error
    if not found:
        raise user_failure(Reason.MODEL_NOT_FOUND, f"there are no objects below {uri}; upload the model or correct model.uri")
    return into


def credentials(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the model's own credentials in place of the store's; as it is where the model has none."""
    own = {key: environment[OWN + key] for key in KEYS if environment.get(OWN + key)}
    return {**{name: value for name, value in environment.items() if name not in KEYS}, **own} if own else environment


def _listed(pages: Iterable[Sequence["ObjectMeta"]], uri: str, policy: DownloadPolicy) -> list["ObjectMeta"]:
    """All of them, or a refusal on the page that is too much: a bucket may hold millions."""
    listed: list[ObjectMeta] = []
    size = 0
    for page in pages:
        listed += page
        size += sum(each["size"] for each in page)
        policy.require_room(size, len(listed), uri)
    return listed


def _files(found: Sequence["ObjectMeta"], prefix: str) -> list["ObjectMeta"]:
    """Leave out what "Create folder" of a console makes: an empty object whose name ends with a slash, which the client does not tell."""
    folders = {prefix, *(str(parent) for each in found for parent in PurePosixPath(each["path"]).parents)}
    return [each for each in found if each["size"] or each["path"] not in folders]


def _inside(folder: Path, path: str, root: str) -> Path:
    target = (folder / path.removeprefix(root)).resolve()
    if not path.startswith(root) or not target.is_relative_to(folder.resolve()):
        raise user_failure(Reason.MODEL_UNREADABLE, f"the object {path!r} would land outside of the model; rename it")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
