"""Logs: one JSON object a line on stderr, or plain lines for people."""

import json
import logging
import sys
from collections import deque
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """One record, one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class LogTail(logging.Handler):
    """Keeps the last lines, for the termination message and for /progress."""

    def __init__(self, lines: int = 60) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=lines)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self._lines.append(self.format(record))

    def last(self) -> str:
        """Return the last line, or nothing."""
        return self._lines[-1].splitlines()[-1][:500] if self._lines and self._lines[-1] else ""

    def text(self) -> str:
        """Return all that is kept."""
        return "\n".join(self._lines)


def configure_logs(*, console: bool) -> None:
    """Send this process's logs to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s") if console else JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # One line a request would cost more than the request's metrics do, and says less.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # An exporter's bookkeeping would push everything else out of the log tail.
    logging.getLogger("onnx_ir").setLevel(logging.WARNING)
