"""Prometheus' text format: only what is wanted is kept, and anything doubtful is refused as a whole.

Not prometheus_client's parser, for two reasons: it is lax (a third number on a line passes), and it takes most of a millisecond a pod,
which is a whole core at thousands of pods every few seconds. Tests hold both against each other.

A pod says what it likes, and while its page is parsed nothing else runs. So the work is linear in the bytes, the bytes are bounded where
they are read, and a page beyond a bound below is refused as a whole.

The pages of a fleet differ in their values and hardly in anything else. So a page is cut at its values, and each text before one, which is
a series with the comments above it, is looked up in a bounded memory of those that were read before, of whichever pod. Not the page as a
whole: a model's or a device's name, which few others have, would make all of it new. Where such a text does not fit, its lines are read one
by one: a line is cut at its last blank, and what is before it is looked up in the same way; a line that does not fit is read with care.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import TypeAlias

from steelyard.observe.failure import Reason, RejectedError

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Sorted by name."""

_NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
_METRIC = re.compile(_NAME)
_STARTS = re.compile(rf'({_NAME})[ \t{{]|\{{[ \t]*"')
# Read one after the other, each from where the last one ended: no character is looked at again for every label that follows it.
_OPENS = re.compile(r"[ \t]*\{[ \t]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*(?:,[ \t]*|(?=\}))')
_VALUE = re.compile(r"[ \t]*(?P<value>[^ \t]+)(?:[ \t]+-?[0-9.]+)?[ \t]*(?:# \{.*)?")
_TYPE = re.compile(rf"#[ \t]+TYPE[ \t]+({_NAME})[ \t]")
_ESCAPE = re.compile(r"\\(.)")
# What it does not find is left in the text before the next one.
_AT_VALUES = re.compile(r" ([0-9][0-9.e+-]*)\n")

LINES = 20_000
"""Of one page, comments included; a server with thousands of series stays below."""
SERIES = 200
"""Of one metric that is wanted; a histogram counts as one, with all its buckets."""
EDGES = 64
"""Of one histogram, +Inf included."""
BUCKETS = 2_000
"""Of one histogram, over all its series."""
LABELS = 32
"""Of one series that is wanted."""
LINE = 4096
"""Characters of one line that is wanted."""
SHORT = 256
"""Characters of a line of which anything is remembered."""
QUANTILE = "quantile"
"""Label of a summary's own: series with it are no counters, say NaN where there was nothing lately, and are not read."""
REMEMBERED = 4096
"""Names, labels, comments, and texts before a value, of each as many: a bound on memory, whatever pods say."""
LONG = 512
"""Characters of such a text: a series, and what is said above it."""
PAGE = 32 * 1024
"""Characters of a page that is cut at its values. What makes a page larger is its server's own, and would push out what many have."""


@dataclass(frozen=True, slots=True)
class Exposition:
    """Series by metric name. `declared`: metrics that exist, even those without a series yet."""

    series: Mapping[str, Mapping[Labels, float]]
    declared: frozenset[str]


def parse(body: bytes, wanted: frozenset[str]) -> Exposition:
    """The wanted metrics of one answer; RejectedError if any line is garbage or any wanted value may not be stored."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RejectedError(Reason.SYNTAX, "is not UTF-8 text") from error
    series: dict[str, dict[Labels, float]] = {}
    declared: set[str] = set()
    if text.count("\n") > LINES:
        raise RejectedError(Reason.TOO_MANY, f"has more than {LINES} lines: let the server expose fewer series")
    parts = _AT_VALUES.split(text) if len(text) <= PAGE else [text]
    if max(map(len, parts)) <= LONG:
        _by_values(parts, wanted, series, declared)
    else:
        _by_lines(text, wanted, series, declared)
    return Exposition(series, frozenset(declared & wanted))


def _by_values(parts: Sequence[str], wanted: frozenset[str], series: dict[str, dict[Labels, float]], declared: set[str]) -> None:
    """All lines of a page: of its values each with the text before it, and of the text after the last one."""
    *parts, rest = parts
    texts, numbers = parts[::2], parts[1::2]
    for known, text, number in zip(map(_before, texts, repeat(wanted)), texts, numbers, strict=True):
        if known is None:
            _by_lines(f"{text} {number}", wanted, series, declared)
            continue
        name, labels, told = known
        if told:
            declared |= told
        if name:
            try:
                value = float(number)
            except ValueError:
                value = math.inf
            of_name = series.get(name)
            if of_name is None:
                of_name = series[name] = {}
            if value == math.inf or labels in of_name or len(of_name) >= SERIES:
                # Perhaps the page is refused for it.
                _by_lines(f"{text} {number}", wanted, series, declared)
            else:
                of_name[labels] = value
    _by_lines(rest, wanted, series, declared)


def _by_lines(text: str, wanted: frozenset[str], series: dict[str, dict[Labels, float]], declared: set[str]) -> None:
    """All lines of a page, or of a part of it."""
    for line in text.split("\n"):
        if line.startswith("#") and len(line) <= SHORT:
            declared.add(_declares(line))
        elif not _is_usual(line, wanted, series):
            _read(line, wanted, series, declared)


@lru_cache(maxsize=REMEMBERED)
def _before(text: str, wanted: frozenset[str]) -> tuple[str, Labels, frozenset[str]] | None:
    """(name and labels of the series whose value comes next, the name empty where nobody wants it; which wanted metrics are declared above).

    None where it is anything else than comments and a usual line up to its value.
    """
    above, _, line = text.rpartition("\n")
    comments = above.split("\n") if above else ()
    name, opened, inner = line.partition("{")
    labels = _inside.__wrapped__(inner) if opened and name in wanted else ()
    if labels is None or not _METRIC.fullmatch(name) or not all(comment.startswith("#") for comment in comments):
        return None
    return name if name in wanted and not is_quantile(labels) else "", labels, wanted.intersection(map(_declares.__wrapped__, comments))


def _is_usual(line: str, wanted: frozenset[str], series: dict[str, dict[Labels, float]]) -> bool:
    """Whether the line is a name, labels that are remembered, a blank and a value; if it is, what is wanted of it is kept."""
    head, _, text = line.rpartition(" ")
    name, opened, inner = head.partition("{")
    if not text or len(line) > SHORT or not text.isprintable():
        return False
    if name not in wanted:
        return _is_name(name)
    labels = _inside(inner) if opened else ()
    if labels is None or not text.isascii() or "_" in text or is_quantile(labels):
        return False
    try:
        value = float(text)
    except ValueError:
        return False
    if not 0 <= value < math.inf:
        return False
    keep(series, name, labels, value)
    return True


def _read(line: str, wanted: frozenset[str], series: dict[str, dict[Labels, float]], declared: set[str]) -> None:
    """Any line."""
    line = line.strip(" \t\r")
    if not line:
        return
    if line[0] == "#":
        kind = _TYPE.match(line)
        if kind:
            declared.add(kind[1])
        return
    start = _STARTS.match(line)
    if start is None:
        raise RejectedError(Reason.SYNTAX, "has a line that is not in the Prometheus text format")
    name = start[1]
    if name in wanted:
        labels, text = _sample(name, line)
        if not is_quantile(labels):
            keep(series, name, labels, number(name, text))


@lru_cache(maxsize=REMEMBERED)
def _declares(comment: str) -> str:
    """The metric that exists according to it; empty where it speaks of something else."""
    kind = _TYPE.match(comment.strip(" \t\r"))
    return kind[1] if kind else ""


@lru_cache(maxsize=REMEMBERED)
def _is_name(text: str) -> bool:
    return _METRIC.fullmatch(text) is not None


@lru_cache(maxsize=REMEMBERED)
def _inside(text: str) -> Labels | None:
    """Labels by the text from behind their first brace to the last blank of a line; None where it holds anything else."""
    try:
        labels, end = _labels("", "{" + text)
    except RejectedError:
        return None
    return labels if end == len(text) + 1 else None


def keep(series: dict[str, dict[Labels, float]], name: str, labels: Labels, value: float) -> None:
    """Add one series; RejectedError where it is there already, or one too many."""
    of_name = series.get(name)
    if of_name is None:
        of_name = series[name] = {}
    before = len(of_name)
    of_name[labels] = value
    if len(of_name) == before:
        raise RejectedError(Reason.DUPLICATE, f"has the same series of {name} twice")
    if before >= SERIES and before >= (most := BUCKETS if name.endswith("_bucket") else SERIES):
        raise RejectedError(Reason.TOO_MANY, f"has more than {most} series of {name}: let the server give it fewer labels")


def number(name: str, text: str) -> float:
    """A value that may be stored: finite and not negative."""
    try:
        # float() takes more than the format allows: digits of other scripts, underscores.
        value = float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        value = None
    if value is None:
        raise RejectedError(Reason.SYNTAX, f"has a value of {name} that is not a number")
    if math.isnan(value):
        raise RejectedError(Reason.NOT_A_NUMBER, f"says NaN for {name}")
    if math.isinf(value):
        raise RejectedError(Reason.INFINITE, f"says an infinite value for {name}")
    if value < 0:
        raise RejectedError(Reason.NEGATIVE, f"says a negative value for {name}")
    return value


def is_quantile(labels: Labels) -> bool:
    """Whether a series with these labels is a summary's own figure."""
    return any(label == QUANTILE for label, _ in labels)


def _sample(name: str, line: str) -> tuple[Labels, str]:
    if len(line) > LINE:
        raise RejectedError(Reason.TOO_MANY, f"has a line of {name} of more than {LINE} characters: let the server give it fewer labels")
    labels, position = _labels(name, line)
    found = _VALUE.fullmatch(line, position)
    if found is None:
        raise RejectedError(Reason.SYNTAX, f"has a line of {name} that is not in the Prometheus text format")
    return labels, found["value"]


def _labels(name: str, line: str) -> tuple[Labels, int]:
    """The labels, and where in the line they end."""
    opened = _OPENS.match(line, len(name))
    if opened is None:
        return (), len(name)
    labels: dict[str, str] = {}
    position = opened.end()
    while not line.startswith("}", position):
        found = _LABEL.match(line, position)
        if found is None or found[1] in labels:
            raise RejectedError(Reason.SYNTAX, f"has labels of {name} that are not in the Prometheus text format")
        if len(labels) == LABELS:
            raise RejectedError(Reason.TOO_MANY, f"has more than {LABELS} labels in one series of {name}: let the server give it fewer")
        labels[found[1]] = _ESCAPE.sub(_unescape, found[2]) if "\\" in found[2] else found[2]
        position = found.end()
    return tuple(sorted(labels.items())), position + 1


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]
