"""Server-sent events as servers send them (WHATWG HTML, section 9.2), in the form in which vLLM does: lines may end in three ways, a blank after a
colon may be left out, and an event may have other fields beside its data."""

from collections.abc import Iterator

from steelyard_runtime.generate.promise import EVENT

END = b"\n\n"


class Events:
    """Grows by pieces of one stream."""

    def __init__(self) -> None:
        self._rest = b""

    def ended(self, piece: bytes) -> bytes:
        """The events that end with this piece, each as one line of data and an empty one; those without data are left out."""
        text, self._rest = self._rest + piece, b""
        if text.endswith(b"\r"):  # a line feed that belongs to it may follow
            text, self._rest = text[:-1], b"\r"
        whole, divider, rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rpartition(END)
        self._rest = rest + self._rest
        return b"".join(EVENT + data + END for data in _data(whole)) if divider else b""


def _data(events: bytes) -> Iterator[bytes]:
    for event in events.split(END):
        lines = [line.removeprefix(b"data:").removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
        if lines:
            yield b" ".join(lines)
