"""Build queries of Prometheus. Values are always quoted and escaped: a name from the cluster is data, never query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_PLAIN = re.compile(r"[A-Za-z0-9_:\-]+")


def quoted(value: str) -> str:
    """A string literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def any_of(values: Iterable[str]) -> str:
    """A regular expression that matches exactly these (Prometheus anchors it), sorted."""
    return "|".join(value if _PLAIN.fullmatch(value) else re.escape(value) for value in sorted(set(values)))


def selector(metrics: Iterable[str], equal: Mapping[str, str], among: Mapping[str, Iterable[str]], seconds: int) -> str:
    """All samples of these metrics in the last `seconds`, with the moments they were scraped at.

    A range and not an instant: an instant query stamps its answer with the time of the question, so a sample of five minutes ago looks new.
    """
    matchers = [f"__name__=~{quoted(any_of(metrics))}"]
    matchers += [f"{label}={quoted(value)}" for label, value in equal.items()]
    matchers += [f"{label}=~{quoted(any_of(values))}" for label, values in among.items()]
    return f"{{{','.join(matchers)}}}[{seconds}s]"


def named(metric: str, equal: Mapping[str, str]) -> str:
    """The query to name to people: what they can paste to see for themselves."""
    return f"{metric}{{{','.join(f'{label}={quoted(value)}' for label, value in equal.items())}}}"


def names_of(equal: Mapping[str, str]) -> str:
    """The names of all metrics with these labels, a series each."""
    return f"count by (__name__) ({{{','.join(f'{label}={quoted(value)}' for label, value in equal.items())}}})"
