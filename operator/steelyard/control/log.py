"""Logs: one line an occurrence, an English sentence and fields, as JSON or for a console. Secrets never reach the line.

Typical use::

    _log = get_logger(__name__)
    _log.info("workload placed", workload="team-a/chat", pool="inf2")
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO

HIDDEN = "[redacted]"

_SECRET_KEY = re.compile(
    r"(?:^|[_.\-])(?:token|password|passwd|secret|authorization|credentials?|cookie|api_?key|private_?key|access_?key|client_?secret)$"
    r"|(?:Token|Password|Secret|ApiKey|PrivateKey|AccessKey)$|^aws_secret",
    re.IGNORECASE,
)
# What must be hidden wherever it stands: bearer tokens, JSON web tokens, passwords inside URLs, cloud keys, hub tokens, PEM keys.
_SECRET_TEXT = re.compile(
    r"(?P<bearer>(?i:bearer)\s+)[A-Za-z0-9._~+/=\-]{8,}"
    r"|(?P<assigned>(?i:password|passwd|secret|token|api_?key|access_?key)=)[^\s&,;]{4,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]*"
    r"|(?P<scheme>[a-z][a-z0-9+.\-]{1,15}://)[^\s/:@]{1,256}:[^\s/@]{1,256}@"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bhf_[A-Za-z0-9]{20,}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_MARKS = ("bearer", "=", "eyj", "@", "akia", "asia", "hf_", "-----begin ")
"""Each text that is to be hidden has one of them, in small letters. Most other texts have none, and need not be searched."""
_HARMLESS = frozenset({type(None), bool, int, float})
"""What most values of a decision record are."""
_ExcInfo = BaseException | bool | tuple[type[BaseException], BaseException, TracebackType | None] | None
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "fields"}


def redacted(value: object, key: str = "") -> Any:
    """The value as JSON can hold it, with secrets replaced: by the name of their key, or by what they look like."""
    if isinstance(value, str | bytes):
        return HIDDEN if key and _names_a_secret(key) else _hide(str(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(inner): held if type(held) in _HARMLESS else redacted(held, str(inner)) for inner, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [held if type(held) in _HARMLESS else redacted(held) for held in value]
    return _hide(str(value))


@lru_cache(maxsize=1000)
def _names_a_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _hide(text: str) -> str:
    small = text.lower()
    if not any(mark in small for mark in _MARKS):
        return text

    def replacement(found: re.Match[str]) -> str:
        if found["scheme"]:
            return f"{found['scheme']}{HIDDEN}@"
        return f"{found['bearer'] or found['assigned'] or ''}{HIDDEN}"

    return _SECRET_TEXT.sub(replacement, text)


class StructuredLog:
    """A logger whose methods take a sentence and named fields."""

    def __init__(self, logger: logging.Logger, bound: Mapping[str, object]) -> None:
        self._logger = logger
        self._bound = dict(bound)

    def bind(self, **fields: object) -> "StructuredLog":
        """The same logger with these fields on every line."""
        return StructuredLog(self._logger, {**self._bound, **fields})

    def debug(self, sentence: str, **fields: object) -> None:
        """For whoever debugs."""
        self._say(logging.DEBUG, sentence, None, fields)

    def info(self, sentence: str, **fields: object) -> None:
        """Something happened as it should."""
        self._say(logging.INFO, sentence, None, fields)

    def warning(self, sentence: str, *, exc_info: _ExcInfo = None, **fields: object) -> None:
        """Something will be tried again, or a person may want to look."""
        self._say(logging.WARNING, sentence, exc_info, fields)

    def error(self, sentence: str, *, exc_info: _ExcInfo = None, **fields: object) -> None:
        """A person should look."""
        self._say(logging.ERROR, sentence, exc_info, fields)

    def _say(self, level: int, sentence: str, exc_info: _ExcInfo, fields: Mapping[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", sentence, exc_info=exc_info, extra={"fields": {**self._bound, **fields}})


def get_logger(name: str, **fields: object) -> StructuredLog:
    """A logger for a module; `fields` stand on every line."""
    return StructuredLog(logging.getLogger(name), fields)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC, microseconds), level, logger, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _hide(record.getMessage()),
        }
        for key, value in _fields(record).items():
            line[key if key not in line else f"{key}_"] = redacted(value, key)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _hide(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class ConsoleFormatter(logging.Formatter):
    """For people: time, level, sentence, `key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f" {key}={_shown(redacted(value, key))}" for key, value in _fields(record).items())
        line = f"{moment} {record.levelname:<7} {_hide(record.getMessage())}{fields}"
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + _hide(self.formatException(record.exc_info))
        return line


def configure(*, style: str = "json", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs of the process, kopf's too, to one stream. `style`: json or console. Raises ValueError for other words."""
    formatters: dict[str, logging.Formatter] = {"json": JsonFormatter(), "console": ConsoleFormatter()}
    if style not in formatters:
        raise ValueError(f"the log style must be json or console (got {style!r})")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatters[style])
    root = logging.getLogger()
    for known in tuple(root.handlers):
        root.removeHandler(known)
    root.addHandler(handler)
    root.setLevel(level)
    # aiohttp's access log says nothing that the metrics do not; kopf tells every event at DEBUG.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # One line for every event of every object, with all settings: the decisions are what a log is for.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    own = getattr(record, "fields", None)
    if isinstance(own, Mapping):
        return own
    # Other libraries put their extras straight on the record.
    return {key: value for key, value in vars(record).items() if key not in _PLAIN and not key.startswith("_")}


def _shown(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[^\s\"=]+", value):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
