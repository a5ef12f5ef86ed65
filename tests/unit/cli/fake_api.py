"""An API server that keeps objects in memory, refuses what it is told to refuse, and remembers what was written to it."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from steelyard.cli.group import ROOT

Raw = dict[str, Any]
KINDS = ("inferenceworkloads", "acceleratorpools", "compiledmodels", "acceleratortrials")


class FakeApi(ThreadingHTTPServer):
    """objects: by path. refused: (status, body) by method and path. kinds: that the group has."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, Raw] = {"/api/v1/namespaces/shop": {"metadata": {"name": "shop"}}}
        self.refused: dict[tuple[str, str], tuple[int, Raw]] = {}
        self.written: list[tuple[str, str, str | None, Raw]] = []
        self.kinds = KINDS
        self.status: Raw = {}
        """Of whatever is made: an operator that needs no time."""

    def put(self, plural: str, raw: Raw) -> None:
        """An object, in its namespace if it has one."""
        namespace = raw["metadata"].get("namespace")
        within = f"/namespaces/{namespace}" if namespace else ""
        self.objects[f"{ROOT}{within}/{plural}/{raw['metadata']['name']}"] = copy.deepcopy(raw)

    def answer(self, method: str, path: str, body: Raw | None) -> tuple[int, Raw]:
        """(status, body)."""
        if (method, path) in self.refused:
            return self.refused[method, path]
        if path == ROOT:
            return 200, {"resources": [{"name": kind} for kind in self.kinds]}
        if method == "POST" and body is not None:
            name = body["metadata"]["name"]
            if f"{path}/{name}" in self.objects:
                return 409, {"reason": "AlreadyExists", "message": f'acceleratortrials.steelyard.dev "{name}" already exists'}
            self.objects[f"{path}/{name}"] = {**body, "status": self.status}
            return 201, body
        if method == "PATCH" and body is not None and path in self.objects:
            self.objects[path]["spec"] |= body["spec"]
        if path in self.objects:
            return 200, self.objects[path]
        if path.rpartition("/")[2] in (*self.kinds, "namespaces", "deployments", "events"):
            kind = path.rpartition("/")[2]
            return 200, {"items": [raw for at, raw in self.objects.items() if f"/{kind}/" in at and at.startswith(path.removesuffix(kind))]}
        return 404, {"message": f"{path} not found"}


class _Handler(BaseHTTPRequestHandler):
    server: FakeApi

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body, path = json.loads(content) if content else None, self.path.partition("?")[0]
        if body is not None:
            self.server.written.append((self.command, path, self.headers.get("Content-Type"), copy.deepcopy(body)))
        status, found = self.server.answer(self.command, path, body)
        told = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def fake_api(folder: Path) -> Iterator[tuple[FakeApi, str]]:
    """One that runs, and a kubeconfig for it whose namespace is shop."""
    with FakeApi() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}],
            "users": [{"name": "u", "user": {}}],
        }
        (folder / "config").write_text(yaml.safe_dump(config))
        try:
            yield server, str(folder / "config")
        finally:
            server.shutdown()
