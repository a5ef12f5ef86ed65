"""A tar archive of unknown origin, read in bounded memory.

tarfile reads a pax or GNU header whole, whatever size it gives itself, holds all headers in front of a file at once, and keeps what it read for
as long as the archive is open. A few hundred kilobytes that were compressed well could so take all memory.
"""

import tarfile
from typing import IO, Any

HEADERS_LIMIT = 1 << 20
"""Bytes in front of one file: its name and extended attributes, of which Linux allows 64 KiB each."""


class Archive(tarfile.TarFile):
    """`Archive.open` as `tarfile.open`; raises `tarfile.ReadError` for headers above the limit. Read it by `next`: what was read is forgotten."""

    def __init__(self, name: Any, mode: Any, fileobj: IO[bytes], **more: Any) -> None:
        self._headers = _Headers(fileobj)
        super().__init__(name, mode, self._headers, **more)

    def next(self) -> tarfile.TarInfo | None:
        """Return the next member, or None at the end."""
        self._headers.room = HEADERS_LIMIT
        try:
            return super().next()
        finally:
            self._headers.room = None
            self.members: list[tarfile.TarInfo] = []
            self.pax_headers = {}  # of the whole archive: comments, as git writes them; each file would carry a copy


class _Headers:
    """An archive's bytes, of which no more than `room` can be read where there is one."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.room: int | None = None
        self.seek, self.tell, self.close, self.write = source.seek, source.tell, source.close, source.write

    def read(self, size: int = -1, /) -> bytes:
        """Read as the source does."""
        if self.room is not None:
            if not 0 <= size <= self.room:
                raise tarfile.ReadError(f"the headers of one file take more than {HEADERS_LIMIT} bytes")
            self.room -= size
        return self._source.read(size)
