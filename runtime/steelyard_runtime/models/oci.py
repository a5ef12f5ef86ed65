"""A model in an OCI registry, by the digest of its image manifest: an image with the model in `/models` (KServe's modelcar), or an artifact
whose layers are files or archives (ORAS, ModelPack).

Sources: OCI image and distribution specifications 1.1; the bearer tokens of the distribution project's authentication specification.
The manifest must have the digest that was asked for and each layer the one that the manifest names, so what is unpacked is what was meant.
"""

import asyncio
import base64
import hashlib
import json
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

import aiohttp

from steelyard_runtime.arrival import Advance
from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure
from steelyard_runtime.models.archive import Archive
from steelyard_runtime.sha256 import CHUNK

MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
TITLE = "org.opencontainers.image.title"
"""Annotation of a layer that is one file: its name."""
FOLDERS = ("models", "model")
"""Where an image keeps the model; of an image without such a folder everything is taken."""
MANIFEST_LIMIT = 4 << 20
"""Bytes: what registries must accept at most (distribution specification)."""
FILES_LIMIT = 20_000
"""Of one archive: what has more is no model."""
GROWTH, LEAST_ROOM = 100, 1 << 30
"""An archive may hold so many times its own size, or a GiB: weights hardly compress, bombs do."""
WHITEOUT = ".wh."
"""How a layer of an image takes away a file of another (OCI image specification, layer)."""
PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)


def download(uri: str, digest: str, into: Path, advance: Advance) -> Path:
    """Download `oci://REGISTRY/REPOSITORY` at a manifest's digest into a folder, and return the folder.

    OCI_USERNAME and OCI_PASSWORD are for private ones; OCI_PLAIN_HTTP=true for a registry without TLS.
    """
    registry, slash, repository = uri.removeprefix("oci://").partition("/")
    if not slash or not repository or ":" in repository:
        raise user_failure(
            Reason.INVALID_SPEC, f"model.uri {uri!r} is not oci://REGISTRY/REPOSITORY; a tag is not accepted, the digest names it"
        )
    into.mkdir(parents=True, exist_ok=True)
    try:
        return asyncio.run(_Pull(registry, repository, uri, advance).into(into, digest))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Its digest was the one asked for, so it is what was meant, and will be the same the next time.
        raise user_failure(
            Reason.MODEL_UNREADABLE, f"{uri}: the manifest is none of an image or artifact: {error!r}; push the model again"
        ) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise infrastructure_failure(
            Reason.STORE_UNAVAILABLE, f"{uri}: {type(error).__name__}: {error}; check the registry's name, its certificate and the network"
        ) from error


class _Pull:
    """One model from one repository."""

    def __init__(self, registry: str, repository: str, uri: str, advance: Advance) -> None:
        plain = os.environ.get("OCI_PLAIN_HTTP", "").lower() in ("1", "true", "yes")
        self._root = f"{'http' if plain else 'https'}://{registry}/v2/{repository}"
        self._uri, self._advance = uri, advance
        self._token: str | None = None

    async def into(self, folder: Path, digest: str) -> Path:
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            manifest = await self._manifest(session, digest)
            layers = [layer for layer in manifest.get("layers") or () if isinstance(layer, dict)]
            done, size = 0, sum(int(layer["size"]) for layer in layers)
            for layer in layers:
                with tempfile.TemporaryFile() as blob:
                    await self._blob(session, layer, blob, done, size)
                    await asyncio.to_thread(_unpack, layer, blob, folder, self._uri)
                done += int(layer["size"])
        return _model_in(folder)

    async def _manifest(self, session: aiohttp.ClientSession, digest: str) -> dict[str, Any]:
        accept = ", ".join((*MANIFESTS, *INDEXES))
        async with await self._get(session, f"{self._root}/manifests/{digest}", accept) as answer:
            data = await answer.content.read(MANIFEST_LIMIT + 1)
            while not answer.content.at_eof() and len(data) <= MANIFEST_LIMIT:
                data += await answer.content.read(MANIFEST_LIMIT + 1 - len(data))
        found = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if found != digest:
            # What the digest names cannot be anything else: a proxy or a registry in trouble sent this in its place.
            raise infrastructure_failure(
                Reason.MODEL_DIGEST_MISMATCH, f"{self._uri}: the manifest's digest is {found}, not {digest}; it was refused"
            )
        document = json.loads(data)
        if document.get("mediaType") in INDEXES or "manifests" in document:
            raise user_failure(
                Reason.MODEL_UNREADABLE,
                f"{self._uri}: {digest} names an index of several images; give the digest of one of their manifests",
            )
        return dict(document)

    async def _blob(self, session: aiohttp.ClientSession, layer: Mapping[str, Any], out: BinaryIO, done: int, size: int) -> None:
        state, here = hashlib.sha256(), 0
        async with await self._get(session, f"{self._root}/blobs/{layer['digest']}", "*/*") as answer:
            async for chunk in answer.content.iter_chunked(CHUNK):
                here += len(chunk)
                if here > int(layer["size"]):
                    break
                state.update(chunk)
                out.write(chunk)
                self._advance(done + here, size)
        found = f"sha256:{state.hexdigest()}"
        if here != int(layer["size"]) or found != layer["digest"]:
            raise infrastructure_failure(
                Reason.MODEL_DIGEST_MISMATCH,
                f"{self._uri}: a layer has the digest {found}, and the manifest names {layer['digest']}; it was refused",
            )
        out.seek(0)

    async def _get(self, session: aiohttp.ClientSession, url: str, accept: str) -> aiohttp.ClientResponse:
        """Ask, with a token where the registry wants one. Redirects to another host are followed without it (aiohttp strips it)."""
        for last in (False, True):
            headers = {"Accept": accept, **({"Authorization": self._token} if self._token else {})}
            answer = await session.get(url, headers=headers)
            if answer.status == 200:
                return answer
            challenge, status = answer.headers.get("WWW-Authenticate", ""), answer.status
            answer.release()
            if status == 401 and not last:
                self._token = await self._authorised(session, challenge)
                continue
            break
        if status in (401, 403):
            raise user_failure(
                Reason.MODEL_NOT_FOUND,
                f"{self._uri}: the registry refuses access ({status}); put OCI_USERNAME and OCI_PASSWORD into the Secret of spec.model",
            )
        if status == 404:
            raise user_failure(Reason.MODEL_NOT_FOUND, f"{self._uri}: there is nothing at {url}; correct spec.model.uri or its digest")
        raise infrastructure_failure(Reason.STORE_UNAVAILABLE, f"{self._uri}: the registry answers {status} at {url}")

    async def _authorised(self, session: aiohttp.ClientSession, challenge: str) -> str | None:
        name, password = os.environ.get("OCI_USERNAME"), os.environ.get("OCI_PASSWORD")
        basic = f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}" if name and password else None
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() != "bearer":
            return basic
        asked = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        realm = asked.pop("realm", "")
        if not realm.startswith("https://") and not (realm.startswith("http://") and self._root.startswith("http://")):
            raise user_failure(Reason.MODEL_NOT_FOUND, f"{self._uri}: the registry sends to {realm!r} for a token, which is not https")
        async with session.get(realm, params=asked, headers={"Authorization": basic} if basic else {}) as answer:
            if answer.status == 429 or answer.status >= 500:
                raise infrastructure_failure(
                    Reason.STORE_UNAVAILABLE, f"{self._uri}: {realm}, where the registry sends for a token, answers {answer.status}"
                )
            if answer.status != 200:
                return None
            try:
                document = await answer.json(content_type=None)
                token = document.get("token") or document.get("access_token")
            except (ValueError, AttributeError) as error:
                raise infrastructure_failure(
                    Reason.STORE_UNAVAILABLE,
                    f"{self._uri}: what {realm} answers, where the registry sends for a token, holds none: {error}",
                ) from error
        return f"Bearer {token}" if token else None


def _unpack(layer: Mapping[str, Any], blob: BinaryIO, folder: Path, uri: str) -> None:
    title = (layer.get("annotations") or {}).get(TITLE)
    if "tar" in str(layer.get("mediaType", "")):
        _unpack_archive(blob, int(layer["size"]), folder, uri)
    elif title:
        _copy(blob, _target(folder, title, uri))


def _unpack_archive(blob: BinaryIO, size: int, folder: Path, uri: str) -> None:
    """Files and folders only, written by us: no link is ever made, so no path can lead out of the folder by one."""
    left = max(LEAST_ROOM, GROWTH * size)
    try:
        with Archive.open(fileobj=blob, mode="r:*") as archive:
            for number, member in enumerate(iter(archive.next, None)):
                left -= max(0, member.size)
                if number >= FILES_LIMIT or left < 0:
                    raise user_failure(
                        Reason.MODEL_UNREADABLE,
                        f"{uri}: an archive of {size} bytes has more than {FILES_LIMIT} files, or {GROWTH} times its size; it is no model",
                    )
                if member.isfile() and (content := archive.extractfile(member)) is not None:
                    _copy(content, _target(folder, member.name, uri))
                elif not member.isdir() and _in_model(member.name):
                    # Images are full of links; one in the model's folder would be a file of it.
                    raise user_failure(Reason.MODEL_UNREADABLE, f"{uri}: {member.name} is a link or a device; a model has files only")
    except (tarfile.TarError, EOFError, zlib.error, RecursionError) as error:  # tarfile calls itself for each header in front of a file
        raise user_failure(Reason.MODEL_UNREADABLE, f"{uri}: a layer is no archive that can be read: {error}") from error


def _target(folder: Path, name: str, uri: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise user_failure(Reason.MODEL_UNREADABLE, f"{uri}: {name!r} would land outside of the model; push it under another name")
    if path.name.startswith(WHITEOUT) and _in_model(name):
        raise user_failure(
            Reason.MODEL_UNREADABLE, f"{uri}: a layer takes away files of another ({name}); build the image with the model in one layer"
        )
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)


def _in_model(name: str) -> bool:
    return PurePosixPath(name).parts[:1] in [(folder,) for folder in FOLDERS]


def _model_in(folder: Path) -> Path:
    """The model's own folder in an image, else everything."""
    return next((folder / name for name in FOLDERS if (folder / name).is_dir()), folder)
