"""Node costs from a file: the operator's log with one JSON object a line, a JSON list, or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any

from steelyard.cli.problem import Problem
from steelyard.core.economics.ledger import Component
from steelyard.core.economics.node_cost import NodeCost, Part
from steelyard.core.facts.price import PriceClass

KEY = "nodeCost"
"""Of the operator's log line that holds a record."""
FORMAT = "docs/how-to/reconcile-with-a-bill.md has the format"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Records, and the one currency of their costs."""

    records: tuple[NodeCost, ...]
    currency: str


def ledger(path: str) -> Ledger:
    """Read the file. Problem where it cannot be used."""
    try:
        raws = list(_raws(Path(path)))
    except OSError as error:
        raise Problem(
            f"the ledger {path} cannot be read: {error.strerror}", "give the operator's log, or node costs as .json or .csv"
        ) from error
    except (ValueError, csv.Error) as error:
        raise Problem(f"the ledger {path}: {error}", FORMAT) from error
    records, currencies = [], set()
    for number, raw in enumerate(raws, 1):
        try:
            records.append(_record(raw))
            currencies.add(str(raw["currency"]))
        except (KeyError, TypeError, ValueError) as error:
            what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            raise Problem(f"the ledger {path}, record {number}: {what}", FORMAT) from error
    if not records:
        raise Problem(
            f"the ledger {path} has no record of a node's cost",
            f"take the log of an operator that led for an hour or longer, with log.format json: its lines with {KEY} are the records",
        )
    if len(currencies) > 1:
        raise Problem(f"the ledger {path} has records in {' and '.join(sorted(currencies))}", "give the records of one installation")
    return Ledger(tuple(records), currencies.pop())


def _raws(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix == ".csv":
            yield from csv.DictReader(file)
            return
        first = file.readline()
        # Lines of a log may begin with [pod/...], so only a file that is called so is a list.
        if path.suffix == ".json" and first.lstrip().startswith("["):
            found = json.loads(first + file.read())
            if not all(isinstance(raw, dict) for raw in found):
                raise ValueError("it is a JSON list of something else than objects")
            yield from found
            return
        yield from _of_log(chain((first,), file))


def _of_log(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """A log has other lines too, and its first may be cut."""
    for line in lines:
        if f'"{KEY}"' not in line:
            continue
        try:
            found = json.loads(line[line.index("{") :])
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get(KEY), dict):
            yield found[KEY]


def _record(raw: Mapping[str, Any]) -> NodeCost:
    cost, word = raw["cost"], raw.get("priceClass")
    money = None if cost in {None, ""} else float(cost)
    if money is not None and not isfinite(money):
        raise ValueError(f"cost {cost!r} is not a finite number")
    start, end = _moment(raw["start"]), _moment(raw["end"])
    if end <= start:
        raise ValueError(f"end {raw['end']} is not after start {raw['start']}")
    return NodeCost(
        node=str(raw.get("node") or raw["resource"]),
        resource=str(raw["resource"]),
        pool=str(raw["pool"]),
        instance_type=str(raw.get("instanceType") or ""),
        start=start,
        end=end,
        cost=money,
        price_class=PriceClass(word) if word else None,
        parts=tuple(_part(each) for each in _listed(raw.get("parts"))),
    )


def _listed(told: Any) -> Sequence[Mapping[str, Any]]:
    """A list; in CSV one as text. An earlier version told none."""
    found = json.loads(told) if isinstance(told, str) and told else told or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"parts {str(told)[:60]!r} is not a list of objects")
    return found


def _part(raw: Mapping[str, Any]) -> Part:
    money = float(raw["cost"])
    if not isfinite(money):
        raise ValueError(f"cost {raw['cost']!r} of a part is not a finite number")
    return Part(str(raw.get("workload") or ""), Component(raw["component"]), money)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
