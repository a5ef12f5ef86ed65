"""A claim as people type it, and back: `unit cost 0.5 of g5-xlarge`, `on inf2: throughput 120 RequestsPerSecond at saturation`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from steelyard.cli.facts.claim import Claim
from steelyard.cli.problem import Problem
from steelyard.status.raw import Raw


@dataclass(frozen=True, slots=True)
class Metric:
    """The API's word for what is claimed, and its units."""

    word: str
    units: tuple[str, ...]


METRICS = {
    "unit cost": Metric("UnitCost", ("PerThousandRequests", "PerMillionTokens", "PerMillionInputTokens")),
    "throughput": Metric("Throughput", ("RequestsPerSecond", "TokensPerSecond", "InputTokensPerSecond")),
    "latency": Metric("Latency", ("Milliseconds",)),
    "power": Metric("Power", ("Watts",)),
}
"""By what people type. A test compares them with the API's."""
POINTS = {"saturation": "Saturation", "objective": "Objective"}
UNITS = tuple(unit for metric in METRICS.values() for unit in metric.units)
GRAMMAR = (
    "METRIC FIGURE of POOL for a ratio, METRIC FIGURE UNIT for a value. METRIC is unit cost, throughput, latency or power, "
    f"UNIT {', '.join(UNITS[:-1])} or {UNITS[-1]}. It is about the first of --pools, or with `on POOL:` in front about that one. Behind a ratio "
    "`in UNIT` says which tokens it counts; a last `at saturation` or `at objective` says at which load it holds"
)
EXAMPLES = "'unit cost 0.5 of g5-xlarge' or 'on inf2-xlarge: throughput 120 RequestsPerSecond at saturation'"
EXAMPLES_HERE = "'unit cost 0.5 of onnxruntime' or 'throughput 2 of onnxruntime at objective'"
NAME_MAX = 63
_WRITTEN = re.compile(
    r"(?:on (?P<pool>\S+): )?"
    r"(?P<metric>\D+?) (?P<figure>[.\d]\S*) "
    r"(?:of (?P<other>\S+)(?: in (?P<of>\S+))?|(?P<unit>\S+))"
    r"(?: at (?P<at>\S+))?"
)
_FIGURE = re.compile(r"(0|[1-9][0-9]{0,8})([.][0-9]{1,15})?")


def is_figure(text: str) -> bool:
    """A decimal above 0, as the API takes it."""
    return _FIGURE.fullmatch(text) is not None and Decimal(text) > 0


def claims(texts: Iterable[str], pools: Sequence[str]) -> list[Raw]:
    """As spec.claims has them, each with a name made from its text. Problem where one cannot be read."""
    found: list[Raw] = []
    for text in texts:
        taken = {claim["name"] for claim in found}
        found.append({"name": _name(text, taken), **_claim(" ".join(text.split()), pools)})
    return found


def _claim(text: str, pools: Sequence[str]) -> Raw:
    parts = _WRITTEN.fullmatch(text)
    if parts is None:
        raise Problem(f"the claim {text!r} cannot be read", f"write {EXAMPLES}: {GRAMMAR}")
    pool, other, unit = parts["pool"] or pools[0], parts["other"], parts["unit"] or parts["of"]
    metric = METRICS.get(parts["metric"])
    if metric is None:
        raise _wrong(text, f"{parts['metric']!r} is no metric", f"write {_or(METRICS)} for it")
    if not is_figure(parts["figure"]):
        raise _wrong(text, f"{parts['figure']!r} is no figure", "write a decimal above 0 such as 0.5, without a sign, a percent or a unit")
    if pool not in pools:
        raise _wrong(text, f"{pool!r} is not a pool of this trial", f"write one of --pools: {_or(pools)}")
    if other == pool:
        raise _wrong(
            text, f"{pool!r} is compared with itself", "write another pool after `of`, or `on POOL:` in front for another one to be judged"
        )
    if other is not None and len(pools) == 1:
        raise _wrong(text, "a ratio needs two pools", f"name {other} in --pools as well, or claim a value, which one pool is enough for")
    if unit is not None and unit not in metric.units:
        raise _wrong(text, f"{unit!r} is no unit of {parts['metric']}", f"write {_or(metric.units)}, or `of POOL` for a ratio")
    if (parts["at"] or "saturation") not in POINTS:
        raise _wrong(text, f"{parts['at']!r} is no load at which a claim holds", f"write at {_or(POINTS)}")
    figure = {"value": parts["figure"]} if other is None else {"ratio": parts["figure"], "relativeTo": other}
    at = {"at": POINTS[parts["at"]]} if parts["at"] else {}
    return {"pool": pool, "metric": metric.word, **figure, **({"unit": unit} if unit else {}), **at}


def _wrong(text: str, what: str, todo: str) -> Problem:
    return Problem(f"the claim {text!r}: {what}", todo)


def _or(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _name(text: str, taken: set[str]) -> str:
    """A slug of it that is not taken."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "claim"
    tries = (f"{slug[: NAME_MAX - len(end)].rstrip('-')}{end}" for end in ("", *(f"-{number}" for number in range(2, len(taken) + 3))))
    return next(name for name in tries if name not in taken)


def written(claim: Claim, pools: Sequence[str]) -> str:
    """The text that makes it."""
    metric = next((typed for typed, each in METRICS.items() if each.word == claim.metric), claim.metric)
    about = f"on {claim.pool}: " if claim.pool and claim.pool not in pools[:1] else ""
    figure = claim.value if claim.value is not None else claim.ratio
    unit = f" in {claim.unit}" if claim.unit else ""
    rest = f" {claim.unit}" if claim.value is not None else f" of {claim.relative_to}{unit}"
    return f"{about}{metric} {'unknown' if figure is None else f'{figure:f}'}{rest}{f' at {claim.at.lower()}' if claim.at else ''}"
