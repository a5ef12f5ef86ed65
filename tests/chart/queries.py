"""Every query that the chart gives to a Prometheus, and what a real one answers to it."""

from __future__ import annotations

import json
import math
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chart.helm import of_kind, rendered, the
from patience import PATIENCE

CHOSEN = {"$namespace": ".*", "$workload": ".*", "$unit": ".*", "$__range": "5m", "$__rate_interval": "1m", "$__interval": "15s"}
"""What a viewer who chooses everything puts in."""
COMPARISON = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*[\d.]+(\s*/\s*\d+)?$")
OR_NONE = re.compile(r"\(\s*(.*?)\s+or vector\(0\)\s*\)")


@dataclass(frozen=True)
class Query:
    """`where`: the panel with its letter, the annotation, the variable or the alert that asks it."""

    where: str
    expr: str


@dataclass(frozen=True)
class Empty:
    """A query without a series where all is well. `there`: another look at the same metric, which has some; None: it exists only when something
    is wrong."""

    why: str
    there: str | None = None


CONDITION = 'steelyard_condition_status{{type="{}"}}'
EMPTY_BY_DESIGN: Mapping[str, Empty] = {
    "panel Voluntary actions are stopped, A": Empty("nothing stops them"),
    "panel Progress of running compiles, A": Empty("no compile runs any more", "steelyard_compiles"),
    "panel What was refused or lost, an hour, A": Empty("no input was refused"),
    "panel What was refused or lost, an hour, B": Empty("every watch event was recorded"),
    "panel What was refused or lost, an hour, C": Empty("every Event was posted"),
    "panel What was refused or lost, an hour, D": Empty("no metric is at its limit"),
    "panel Saved an hour by the last move (MONEY), A": Empty(
        "it is told once enough good requests were served after a move for cost, and where its interval does not cover 0"
    ),
    "panel Money for AcceleratorTrials and exit drills (MONEY), A": Empty("nobody made a trial, and no workload asks for a drill"),
    "panel Moves under way, by step, A": Empty("the move has ended", "last_over_time(steelyard_move_under_way[1h])"),
    "annotation Moves": Empty("the move has ended", "last_over_time(steelyard_move_under_way[1h])"),
    "alert SteelyardWorkloadHeld": Empty("nothing is held", CONDITION.format("Held")),
    "alert SteelyardSLONotMet": Empty("the promise is kept", CONDITION.format("SLOMet")),
    "alert SteelyardCompileFailing": Empty("all is compiled", CONDITION.format("Compiled")),
    "alert SteelyardPriceStale": Empty("a price of class Static has no limit", "steelyard_price_age_seconds"),
    "alert SteelyardInputRejected": Empty("no input was refused"),
    "alert SteelyardExitProofStale": Empty("no workload asks for a drill"),
}
"""After a whole move; by `where`, with the currency as MONEY."""


def dashboard(values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """As the chart renders it."""
    objects = rendered({"crds": {"install": False}, "dashboard": {"enabled": True}, **(values or {})})
    [shown] = [one for one in of_kind(objects, "ConfigMap") if "steelyard.json" in one["data"]]
    found: dict[str, Any] = json.loads(shown["data"]["steelyard.json"])
    return found


def alerts(values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """As the chart renders them."""
    rule = the(rendered({"crds": {"install": False}, "prometheusRule": {"enabled": True}, **(values or {})}), "PrometheusRule")
    [group] = rule["spec"]["groups"]
    return list(group["rules"])


def queries(shown: Mapping[str, Any], rules: Iterable[Mapping[str, Any]]) -> Iterator[Query]:
    """Of panels, annotations, variables and alerts; of an alert what it compares, since no alert fires where all is well."""
    for panel in shown["panels"]:
        for target in panel.get("targets", ()):
            yield Query(f"panel {panel['title']}, {target['refId']}", _chosen(target["expr"]))
    for annotation in shown["annotations"]["list"]:
        yield Query(f"annotation {annotation['name']}", _chosen(annotation["expr"]))
    for variable in shown["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
            yield Query(f"variable {variable['name']}", f"count by ({label}) ({_chosen(selector)})")
    for rule in rules:
        yield Query(f"alert {rule['alert']}", OR_NONE.sub(r"\1", COMPARISON.sub("", rule["expr"])))


def _chosen(expr: str) -> str:
    for variable, value in CHOSEN.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr, expr
    return expr


class RefusedError(Exception):
    """Prometheus does not take the query."""


def ask(prometheus: str, expr: str) -> list[dict[str, Any]]:
    """The series of an instant query. Raises RefusedError."""
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        raise RefusedError(f"{expr}: {json.load(error).get('error')}") from error
    return found


def has_value(series: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of them is more than a division of nothing by nothing."""
    return any(not math.isnan(float(one["value"][1])) for one in series)


def unanswered(
    prometheus: str, asked: Iterable[Query], may_be_empty: Mapping[str, Empty] = EMPTY_BY_DESIGN, currency: str = "USD"
) -> list[str]:
    """What is wrong, a line each: queries that are refused, and those without a series that are not among those which may be empty."""
    wrong = []
    for query in asked:
        by_design = may_be_empty.get(query.where.replace(f"({currency})", "(MONEY)"))
        try:
            if has_value(ask(prometheus, query.expr)):
                continue
            if by_design is None:
                wrong.append(f"{query.where}: no series: {query.expr}")
            elif by_design.there is not None and not has_value(ask(prometheus, by_design.there)):
                wrong.append(f"{query.where}: may be empty ({by_design.why}), but this has no series either: {by_design.there}")
        except RefusedError as error:
            wrong.append(f"{query.where}: refused: {error}")
    return wrong
