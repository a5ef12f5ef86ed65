"""An OCI registry on this machine: manifests and blobs by digest, tokens if wanted, and blobs that lie on another host."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPOSITORY = "team/model"
IMAGE = "application/vnd.oci.image.manifest.v1+json"
TAR, TAR_GZIP = "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip"
TITLE = "org.opencontainers.image.title"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def archive(files: dict[str, bytes], *members: tarfile.TarInfo, compressed: bool = False) -> bytes:
    """A layer of files, and of other members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for member in members:
            tar.addfile(member)
    return gzip.compress(out.getvalue()) if compressed else out.getvalue()


class Registry:
    """`token`: what a Bearer must say; it is given to whoever has `password`. `elsewhere`: blobs are redirected to another port.
    `tokens`: status and body in place of a token. `realm`: where it sends for one, itself if None. `sends_on`: who asks for one there is
    redirected to the other port."""

    def __init__(self) -> None:
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.token: str | None = None
        self.password: str | None = None
        self.elsewhere = False
        self.tokens: tuple[int, bytes] | None = None
        self.realm: str | None = None
        self.sends_on = False
        self.broken: int | None = None
        self.seen: list[tuple[str, str, str | None]] = []
        """Host, path and Authorization of every request."""
        self.host, self.other = "", ""

    def push(self, *layers: tuple[str, bytes, dict[str, str]], media: str = IMAGE, **more: Any) -> str:
        """A manifest of (media type, bytes, annotations); returns its digest."""
        described = []
        for kind, data, annotations in layers:
            self.blobs[digest_of(data)] = data
            described.append({"mediaType": kind, "digest": digest_of(data), "size": len(data), "annotations": annotations})
        data = json.dumps({"schemaVersion": 2, "mediaType": media, "layers": described, **more}).encode()
        self.manifests[digest_of(data)] = data
        return digest_of(data)

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        host, path = request.headers["Host"], request.path.partition("?")[0]
        given = request.headers.get("Authorization")
        self.seen.append((host, path, given))
        if self.broken is not None:
            return self.broken, {}, b""
        if path == "/token" and self.sends_on and host == self.host:
            return 307, {"Location": f"http://{self.other}/token"}, b""
        if path == "/token" and self.tokens is not None:
            return self.tokens[0], {}, self.tokens[1]
        if path == "/token":
            return 200, {}, json.dumps({"token": self.token}).encode() if self._may_have_a_token(given) else b"{}"
        if path.startswith("/elsewhere/"):
            return 200, {}, self.blobs[path.removeprefix("/elsewhere/")]
        if self.token and given != f"Bearer {self.token}":
            challenge = f'Bearer realm="{self.realm or f"http://{self.host}/token"}",service="here",scope="repository:{REPOSITORY}:pull"'
            return 401, {"WWW-Authenticate": challenge}, b"{}"
        kind, _, digest = path.removeprefix(f"/v2/{REPOSITORY}/").partition("/")
        if kind == "manifests" and digest in self.manifests:
            return 200, {"Content-Type": IMAGE}, self.manifests[digest]
        if kind == "blobs" and digest in self.blobs:
            if self.elsewhere:
                return 307, {"Location": f"http://{self.other}/elsewhere/{digest}"}, b""
            return 200, {}, self.blobs[digest]
        return 404, {}, b"{}"

    def _may_have_a_token(self, given: str | None) -> bool:
        return self.password is None or given == f"Basic {self.password}"


@contextmanager
def serving() -> Iterator[Registry]:
    """A registry, on two ports, for as long as the context lasts."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = registry.answer(self)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    registry.host, registry.other = (f"127.0.0.1:{server.server_address[1]}" for server in servers)
    try:
        yield registry
    finally:
        for server in servers:
            server.shutdown()
