"""A model hub on this machine: the part of the Hugging Face hub's HTTP interface that a download at a commit uses."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c" * 40
REPOSITORY = "org/model"
LARGE = ".safetensors"
"""Files of this ending are in LFS."""


class Hub:
    """One repository at one commit. `files` may be changed at any time; `broken` is the status that everything answers, `gated` needs a token;
    `stuck` is that of every file."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.broken: int | None = None
        self.stuck: int | None = None
        self.token: str | None = None
        self.listed: dict[str, bytes] = {}
        """What the commit's tree says of a file, where it is not what is sent."""
        self.url = ""

    def siblings(self) -> list[dict[str, Any]]:
        return [self._sibling(name, self.listed.get(name, data)) for name, data in self.files.items()]

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        found = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith(LARGE):
            found["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return found

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        path = request.path.partition("?")[0]
        self.asked.append(f"{request.command} {path}")
        if self.broken is not None:
            return self.broken, {}, b"{}"
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"X-Error-Code": "GatedRepo"}, b"{}"
        if path == f"/api/models/{REPOSITORY}/revision/{COMMIT}":
            return (
                200,
                {"Content-Type": "application/json"},
                json.dumps({"id": REPOSITORY, "sha": COMMIT, "siblings": self.siblings()}).encode(),
            )
        if path.startswith(f"/api/models/{REPOSITORY}/revision/"):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        name = path.removeprefix(f"/{REPOSITORY}/resolve/{COMMIT}/")
        if name in self.files and self.stuck is not None:
            return self.stuck, {"X-Error-Code": "EntryNotFound"} if self.stuck == 404 else {}, b"{}"
        if name in self.files:
            return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(self.files[name]).hexdigest()}"'}, self.files[name]
        return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Hub]:
    """Serve a repository for as long as the context lasts."""
    hub = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = hub.answer(self)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
