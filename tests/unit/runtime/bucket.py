"""An S3 bucket on this machine, with objects that a client cannot make but consoles do: the part of the interface that a download uses."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

NAME = "models"
LAST = "2026-01-01T00:00:00.000Z"


class Bucket:
    """`objects` may be changed at any time; `listed` are sizes of objects that are listed, and gone when they are asked for."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.listed: dict[str, int] = {}
        self.url = ""

    def answer(self, path: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        asked = parse_qs(parts.query, keep_blank_values=True)
        if "list-type" in asked:
            sizes = {**{key: len(data) for key, data in self.objects.items()}, **self.listed}
            found = sorted(key for key in sizes if key.startswith(asked.get("prefix", [""])[0]))
            told = (
                f'<Contents><Key>{key}</Key><LastModified>{LAST}</LastModified><ETag>"e"</ETag><Size>{sizes[key]}</Size></Contents>'
                for key in found
            )
            return 200, f"<ListBucketResult><Name>{NAME}</Name><IsTruncated>false</IsTruncated>{''.join(told)}</ListBucketResult>".encode()
        key = unquote(parts.path).removeprefix(f"/{NAME}/")
        if key in self.objects:
            return 200, self.objects[key]
        return 404, b"<Error><Code>NoSuchKey</Code></Error>"


@contextmanager
def serving(objects: dict[str, bytes]) -> Iterator[Bucket]:
    """Serve a bucket for as long as the context lasts."""
    bucket = Bucket(objects)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = bucket.answer(self.path)
            part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if status == 200 and part:
                first, last, size = int(part[1]), int(part[2]) + 1, len(body)
                status, body = (206, body[first:last]) if first < size else (416, b"")
            self.send_response(status)
            if status == 206:
                self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{size}")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.send_header("ETag", '"e"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    bucket.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield bucket
    finally:
        server.shutdown()
