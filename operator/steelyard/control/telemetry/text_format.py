"""Prometheus' text format for families of thousands of series.

prometheus_client makes an object of each series and a dictionary of its labels for each reader. Here a line is a template with its labels filled in. What has few series is written by the library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

from prometheus_client.utils import floatToGoString

Series: TypeAlias = tuple[Sequence[str], float]
"""Values of the labels, in the order of their names, and the value."""
TOGETHER = 1_000
"""Lines that exist as objects at a time."""
_number: Callable[[float], str] = floatToGoString
_ODD = re.compile(r'[\\"\n]')
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def family_text(name: str, kind: str, said: str, labels: Sequence[str], series: Iterable[Series]) -> bytes:
    """One family, with its comments. said: the sentence of its HELP line."""
    lines, parts = _lines(name, labels, series), [f"# HELP {name} {said}\n# TYPE {name} {kind}\n".encode()]
    while some := "".join(islice(lines, TOGETHER)):
        parts.append(some.encode())
    return b"".join(parts)


def _lines(name: str, labels: Sequence[str], series: Iterable[Series]) -> Iterator[str]:
    if not labels:
        for _, value in series:
            yield f"{name} {_number(value)}\n"
        return
    # By name, as the library writes them.
    order = sorted(range(len(labels)), key=labels.__getitem__)
    template = name + "{" + ",".join(f'{labels[at]}="%s"' for at in order) + "} %s\n"
    for values, value in series:
        told = tuple([values[at] for at in order])
        if _ODD.search("".join(told)):
            told = tuple([text.translate(_ESCAPED) for text in told])
        yield template % (*told, _number(value))
