"""The certificate of /metrics, from a mounted Secret; a renewed one is served from the next connection on, without a restart."""

from __future__ import annotations

import ssl
from pathlib import Path


class Certificate:
    """`tls.crt` and `tls.key` of a folder, as Secrets of the type kubernetes.io/tls have them."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError (of which ssl.SSLError is one) where there is none that can be used."""
        self._certificate, self._key = folder / "tls.crt", folder / "tls.key"
        self._seen = self._stamp()
        self._served = self._load()

    def context(self) -> ssl.SSLContext:
        """For a server: it looks at each handshake for a renewed certificate."""
        context = self._load()
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        try:
            stamp = self._stamp()
            if stamp != self._seen:
                self._served, self._seen = self._load(), stamp
        except OSError:
            pass  # Halfway between two: the last one that could be used is served, and the next handshake looks again.
        connection.context = self._served

    def _stamp(self) -> tuple[int, int]:
        # kubelet swaps a link for both at once; the file behind it is another one.
        return self._certificate.stat().st_mtime_ns, self._certificate.stat().st_ino

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        return context
