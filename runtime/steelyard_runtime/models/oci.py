"""A model in an OCI registry, by the digest of its image manifest: an image with the model in `/models` (KServe's modelcar), or an artifact
whose layers are files or archives (ORAS, ModelPack).

Sources: OCI image and distribution specifications 1.1; the bearer tokens of the distribution project's authentication specification.
The manifest must have the digest that was asked for and each layer the one that the manifest names, so what is unpacked is what was meant.
The registry itself is whoever the user named: it decides neither where else the pod connects to, nor how much it takes (`policy.py`).
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
from steelyard_runtime.models.connect import PublicOnly
from steelyard_runtime.models.policy import FILES_LIMIT, DownloadPolicy
from steelyard_runtime.sha256 import CHUNK

MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
TITLE = "org.opencontainers.image.title"
"""Annotation of a layer that is one file: its name."""
FOLDERS = ("models", "model")
"""Where an image keeps the model; of an image without such a folder everything is taken."""
MANIFEST_LIMIT = 4 << 20
"""Bytes: what registries must accept at most (distribution specification)."""
REGISTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?")
LAYERS_LIMIT = 1000
"""Of one model: images have at most 127, artifacts one for each file."""
TOKEN_LIMIT = 1 << 20
"""Bytes of an answer with a token."""
GROWTH, LEAST_ROOM = 100, 1 << 30
"""All layers together may hold so many times their own size, or a GiB: weights hardly compress, bombs do."""
WHITEOUT = ".wh."
"""How a layer of an image takes away a file of another (OCI image specification, layer)."""
PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)


def download(uri: str, digest: str, into: Path, advance: Advance, policy: DownloadPolicy) -> Path:
    """Download `oci://REGISTRY/REPOSITORY` at a manifest's digest into a folder, and return the folder.

    OCI_USERNAME and OCI_PASSWORD are for private repositories.
    """
    registry, slash, repository = uri.removeprefix("oci://").partition("/")
    if not slash or not repository or ":" in repository or not REGISTRY.fullmatch(registry):
        raise user_failure(
            Reason.INVALID_SPEC, f"model.uri {uri!r} is not oci://REGISTRY/REPOSITORY; a tag is not accepted, the digest names it"
        )
    policy.require_registry(registry)
    into.mkdir(parents=True, exist_ok=True)
    guard = PublicOnly(policy.private_hosts_for(registry))
    try:
        return asyncio.run(_Pull(registry, repository, uri, advance, policy, guard).into(into, digest))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Its digest was the one asked for, so it is what was meant, and will be the same the next time.
        raise user_failure(
            Reason.MODEL_UNREADABLE, f"{uri}: the manifest is none of an image or artifact: {error!r}; push the model again"
        ) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if guard.refused is not None:
            raise user_failure(
                Reason.SOURCE_REFUSED,
                f"{uri} leads to {guard.refused}, which is no public address: correct spec.model.uri, or have the platform team add the host to"
                " config.registries.private",
            ) from error
        raise infrastructure_failure(
            Reason.STORE_UNAVAILABLE, f"{uri}: {type(error).__name__}: {error}; check the registry's name, its certificate and the network"
        ) from error


class _Pull:
    """One model from one repository."""

    def __init__(self, registry: str, repository: str, uri: str, advance: Advance, policy: DownloadPolicy, guard: PublicOnly) -> None:
        self._root = f"{policy.scheme_of(registry)}://{registry}/v2/{repository}"
        self._registry, self._uri, self._advance, self._policy, self._guard = registry, uri, advance, policy, guard
        self._token: str | None = None

    async def into(self, folder: Path, digest: str) -> Path:
        async with aiohttp.ClientSession(timeout=PATIENCE, connector=self._guard.connector()) as session:
            manifest = await self._manifest(session, digest)
            layers = [layer for layer in manifest.get("layers") or () if isinstance(layer, dict)]
            size = self._size_of(layers)
            room, done = _Room(size, self._policy.max_bytes, self._uri), 0
            for layer in layers:
                with tempfile.TemporaryFile() as blob:
                    await self._blob(session, layer, blob, done, size)
                    await asyncio.to_thread(_unpack, layer, blob, folder, room)
                done += int(layer["size"])
        return _model_in(folder)

    def _size_of(self, layers: list[dict[str, Any]]) -> int:
        """Bytes of all layers, before any of them is asked for."""
        if len(layers) > LAYERS_LIMIT:
            raise user_failure(Reason.MODEL_UNREADABLE, f"{self._uri} has {len(layers)} layers, and a model has at most {LAYERS_LIMIT}")
        sizes = [int(layer["size"]) for layer in layers]
        if min(sizes, default=0) < 0:
            raise ValueError("a layer with less than no bytes")
        self._policy.require_room(sum(sizes), len(sizes), self._uri)
        return sum(sizes)

    async def _manifest(self, session: aiohttp.ClientSession, digest: str) -> dict[str, Any]:
        accept = ", ".join((*MANIFESTS, *INDEXES))
        async with await self._get(session, f"{self._root}/manifests/{digest}", accept) as answer:
            data = await _read(answer, MANIFEST_LIMIT)
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
        if not self._policy.may_give_tokens(realm, self._registry):
            raise user_failure(
                Reason.SOURCE_REFUSED,
                f"{self._uri}: the registry sends to {realm[:200]!r} for a token, which is not an address of its own: if it is right, have the"
                " platform team add its host to config.registries.tokenHosts",
            )
        # A redirect would lead to where the registry may not send.
        async with session.get(realm, params=asked, headers={"Authorization": basic} if basic else {}, allow_redirects=False) as answer:
            if answer.status == 429 or answer.status >= 500:
                raise infrastructure_failure(
                    Reason.STORE_UNAVAILABLE, f"{self._uri}: {realm}, where the registry sends for a token, answers {answer.status}"
                )
            if answer.status != 200:
                return None
            try:
                document = json.loads(await _read(answer, TOKEN_LIMIT))
                token = document.get("token") or document.get("access_token")
            except (ValueError, AttributeError) as error:
                raise infrastructure_failure(
                    Reason.STORE_UNAVAILABLE,
                    f"{self._uri}: what {realm} answers, where the registry sends for a token, holds none: {error}",
                ) from error
        return f"Bearer {token}" if token else None


async def _read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return a body, of a longer one no more than the byte that shows it."""
    data = await answer.content.read(limit + 1)
    while not answer.content.at_eof() and len(data) <= limit:
        data += await answer.content.read(limit + 1 - len(data))
    return data


class _Room:
    """What all layers of a model together may still hold."""

    def __init__(self, size: int, max_bytes: int, uri: str) -> None:
        self._size, self._left, self._files = size, min(max_bytes, max(LEAST_ROOM, GROWTH * size)), FILES_LIMIT
        self.uri = uri

    def take(self, size: int) -> None:
        """One more file of so many bytes."""
        self._left -= max(0, size)
        self._files -= 1
        if self._left < 0 or self._files < 0:
            raise user_failure(
                Reason.MODEL_UNREADABLE,
                f"{self.uri}: its layers of {self._size} bytes hold more than {FILES_LIMIT} files, {GROWTH} times their size, or more than the"
                " pod's disk (config.compile.ephemeralStorage); it is no model",
            )


def _unpack(layer: Mapping[str, Any], blob: BinaryIO, folder: Path, room: _Room) -> None:
    title = (layer.get("annotations") or {}).get(TITLE)
    if "tar" in str(layer.get("mediaType", "")):
        _unpack_archive(blob, folder, room)
    elif title:
        room.take(int(layer["size"]))
        _copy(blob, _target(folder, title, room.uri))


def _unpack_archive(blob: BinaryIO, folder: Path, room: _Room) -> None:
    """Files and folders only, written by us: no link is ever made, so no path can lead out of the folder by one."""
    uri = room.uri
    try:
        with Archive.open(fileobj=blob, mode="r:*") as archive:
            for member in iter(archive.next, None):
                room.take(member.size)
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
