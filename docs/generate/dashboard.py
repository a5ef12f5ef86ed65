"""The chart's Grafana dashboard, from a description of its panels. CURRENCY and MONEY stand for the installation's currency: the chart fills them in.

Standbys expose what the leader does, so every query takes one of them (`max by`) before it adds up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
SOURCE = {"type": "prometheus", "uid": "${source}"}
CHOSEN = 'namespace=~"$namespace", workload=~"$workload"'
WIDE, HALF, THIRD, SIXTH = 24, 12, 8, 4


@dataclass(frozen=True)
class Query:
    """PromQL, and what a series of it is called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """`said`: in the tooltip of its title. `unit`: Grafana's word."""

    title: str
    said: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    unit: str = "none"
    width: int = HALF
    height: int = 8
    more: Json = field(default_factory=dict)
    """Of fieldConfig.defaults."""
    options: Json = field(default_factory=dict)
    overrides: Sequence[Json] = ()


@dataclass(frozen=True)
class Row:
    """Panels under a heading, left to right and then down."""

    title: str
    panels: Sequence[Panel]


def _one(metric: str, labels: str, more: str = "") -> str:
    """A gauge of the chosen workloads, once however many processes expose it."""
    chosen = f"{CHOSEN}, {more}" if more else CHOSEN
    return f"max by ({labels}) ({metric}{{{chosen}}})"


def _growth(counter: str, over: str) -> str:
    """How much a counter grew. One that was not there before has grown by all of its value, of which `increase` does not see the first."""
    return f"(({counter} unless {counter} offset {over}) or increase({counter}[{over}]))"


def _grown(metric: str, labels: str, over: str, more: str = "") -> str:
    """How much a counter of the chosen workloads grew: by the process that saw most of it."""
    chosen = f"{CHOSEN}, {more}" if more else CHOSEN
    return f"max by ({labels}) {_growth(f'{metric}{{{chosen}}}', over)}"


def _missed(over: str) -> str:
    """Missed requests, over those that the objective allows to be missed: 1 is all of the budget."""
    counted, by = "namespace, workload, pool, outcome", "namespace, workload"
    every = f"sum by ({by}) ({_grown('steelyard_workload_requests_total', counted, over)})"
    not_good = 'outcome!~"good|unsure"'
    bad = f"sum by ({by}) ({_grown('steelyard_workload_requests_total', counted, over, not_good)})"
    allowed = f"max by ({by}) (steelyard_objective_allowed_ratio{{{CHOSEN}}})"
    return f"(({bad}) or 0 * {every}) / ({every} > 0) / {allowed}"


def _promise(status: str) -> str:
    """1 where the condition SLOMet has this status."""
    return _one("steelyard_condition_status", "namespace, workload", f'type="SLOMet", status="{status}"') + " == 1"


PLACE = "namespace, workload, pool"
OF_WORKLOADS = 'cost!="others"'
COSTS = Row(
    "What it costs",
    (
        Panel(
            "Spend an hour, counted in three ways (MONEY)",
            "What the chosen workloads cost an hour as things stand. Allocated: the requested share of the nodes. Fully loaded: with their part of "
            "what idles, so that all workloads together pay the nodes. Avoidable: what the bill would be less without them; this one decides.",
            (Query(f"sum by (cost) ({_one('steelyard_hourly_cost_CURRENCY', f'{PLACE}, cost', OF_WORKLOADS)})", "{{cost}}"),),
            unit="currencyMONEY",
        ),
        Panel(
            "Spend an hour by pool, fully loaded (MONEY)",
            "The price of the nodes of each pool, for all workloads of the installation and for what nobody uses.",
            (
                Query(
                    'sum by (pool) (max by (namespace, workload, pool) (steelyard_hourly_cost_CURRENCY{cost=~"fullyLoaded|others"}))',
                    "{{pool}}",
                ),
            ),
            unit="currencyMONEY",
            more={"custom": {"fillOpacity": 20, "stacking": {"mode": "normal"}}},
        ),
        Panel(
            "Spent within the time shown (MONEY)",
            "The ledger: the price of every node, split over who used it, since the leader began. Transition is the target of a "
            "move until it ends, and trial what AcceleratorTrials and exit drills ran.",
            (
                Query(
                    "sum by (workload, component) "
                    f"({_grown('steelyard_workload_cost_CURRENCY_total', f'{PLACE}, component, price_class', '$__range')})",
                    "{{workload}} {{component}}",
                ),
            ),
            kind="bargauge",
            unit="currencyMONEY",
            width=THIRD,
            options={"orientation": "horizontal", "displayMode": "basic", "reduceOptions": {"calcs": ["lastNotNull"]}},
        ),
        Panel(
            "Saved an hour by the last move (MONEY)",
            "Realised: measured after the move, with its 95 % interval, negative where it cost more. A gap: no move was measured, or its interval "
            "covers 0, so nothing is sure.",
            (
                Query(
                    _one("steelyard_move_saved_CURRENCY_per_hour", "namespace, workload, source, target, bound"),
                    "{{workload}}: {{source}} to {{target}}, {{bound}}",
                ),
            ),
            unit="currencyMONEY",
            width=WIDE - THIRD,
        ),
        Panel(
            "Unit cost by pool (MONEY for 1,000 good requests, or for 1,000,000 tokens)",
            "At the load of now, with the bounds of its 95 % interval. Pools that were never measured have none. Choose the unit above.",
            (Query(_one("steelyard_unit_cost_CURRENCY", f"{PLACE}, unit, bound", 'unit=~"$unit"'), "{{workload}} on {{pool}}, {{bound}}"),),
            unit="currencyMONEY",
            width=WIDE,
            height=10,
            more={"custom": {"spanNulls": False}},
            overrides=(
                {
                    "matcher": {"id": "byRegexp", "options": ".*, (lower|upper)"},
                    "properties": [
                        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [4, 6]}},
                        {"id": "custom.lineWidth", "value": 1},
                    ],
                },
            ),
        ),
    ),
)
PLACES = Row(
    "Where it runs",
    (
        Panel(
            "Replicas by pool",
            "Desired and ready. Ready behind desired for long: look at the pool's nodes.",
            (
                Query(
                    f"sum by ({PLACE}, state) ({_one('steelyard_placement_replicas', f'{PLACE}, state')})",
                    "{{workload}} on {{pool}}, {{state}}",
                ),
            ),
            more={"decimals": 0, "min": 0, "custom": {"lineInterpolation": "stepAfter", "spanNulls": False}},
        ),
        Panel(
            "Moves under way, by step",
            "One bar a workload while it moves. They are shaded in all panels too.",
            (
                Query(
                    _one("steelyard_move_under_way", "namespace, workload, source, target, kind, step"),
                    "{{workload}}: {{kind}} {{source}} to {{target}}, {{step}}",
                ),
            ),
            kind="state-timeline",
            options={"showValue": "never", "mergeValues": True, "legend": {"showLegend": False}},
        ),
        Panel(
            "Moves that ended within the time shown, by outcome",
            "Of the installation. Moved, Explored (measured and not cheaper, or for a trial), RolledBack.",
            (
                Query(
                    f"sum by (outcome) {_growth('steelyard_move_duration_seconds_count', '$__range')}",
                    "{{outcome}}",
                ),
            ),
            kind="bargauge",
            width=THIRD,
            more={"decimals": 0},
            options={"orientation": "horizontal", "displayMode": "basic", "reduceOptions": {"calcs": ["lastNotNull"]}},
        ),
        Panel(
            "Decisions by verdict and reason, an hour",
            "Each time that a decision differs from the one before. The reasons are explained in docs/reference/reasons.md.",
            (Query(f"sum by (verdict, reason) {_growth('steelyard_decisions_total', '1h')}", "{{verdict}} {{reason}}"),),
            width=WIDE - THIRD,
        ),
    ),
)
PROMISES = Row(
    "Is the promise kept",
    (
        Panel(
            "Latency objective",
            "1 is met, 0 is missed, a gap is unknown.",
            (
                Query(
                    f"({_promise('True')}) or 0 * ({_promise('False')})",
                    "{{workload}}",
                ),
            ),
            kind="state-timeline",
            more={
                "mappings": [
                    {"type": "value", "options": {"1": {"text": "met", "color": "green"}, "0": {"text": "missed", "color": "red"}}},
                ]
            },
            options={"mergeValues": True, "legend": {"showLegend": False}},
        ),
        Panel(
            "Requests by outcome, a second",
            "Good, slow, error (5xx) or shed (429), as the servers count them.",
            (
                Query(
                    "sum by (namespace, workload, outcome) (max by (namespace, workload, pool, outcome) "
                    f"(rate(steelyard_workload_requests_total{{{CHOSEN}}}[5m])))",
                    "{{workload}} {{outcome}}",
                ),
            ),
            unit="reqps",
        ),
        Panel(
            "Error budget that is used within the time shown",
            "Requests that were slow, failed or were refused, over those that the objective allows. From 100 % on the promise is broken.",
            (Query(_missed("$__range"), "{{namespace}}/{{workload}}"),),
            kind="gauge",
            unit="percentunit",
            width=THIRD,
            more={
                "min": 0,
                "max": 2,
                "thresholds": {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 1}]},
            },
            options={"reduceOptions": {"calcs": ["lastNotNull"]}},
        ),
        Panel(
            "Burn rate of the error budget",
            "How fast the budget is used: 1 uses all of it in just the time that the objective is about. Over 5 minutes, an hour and 6 hours.",
            tuple(Query(_missed(over), f"{{{{workload}}}} over {over}") for over in ("5m", "1h", "6h")),
            width=WIDE - THIRD,
            more={
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 1}]},
                "custom": {"thresholdsStyle": {"mode": "line"}, "spanNulls": False},
            },
        ),
    ),
)
CLAIMS = Row(
    "Claims and explorations",
    (
        Panel(
            "Verdicts on claims",
            "What measurements on your own traffic say of each advertised figure.",
            (Query(_one("steelyard_claim_verdict", f"{PLACE}, claim, verdict")),),
            kind="table",
            options={"sortBy": [{"displayName": "verdict"}]},
        ),
        Panel(
            "Claimed and measured",
            "The figure of each claim in its own unit: of a ratio of costs 0.5 is half. Measured comes with its 98 % interval.",
            (Query(_one("steelyard_claim_figure", f"{PLACE}, claim, which"), "{{claim}} of {{pool}} for {{workload}}, {{which}}"),),
        ),
        Panel(
            "Money for explorations, of 24 hours (MONEY)",
            "Budget (spec.rebalancing.exploration.budget), spent by those that ended, and reserved for the one under way: the most it can cost.",
            (Query(_one("steelyard_trial_money_CURRENCY", "namespace, workload, part"), "{{workload}} {{part}}"),),
            unit="currencyMONEY",
            width=THIRD,
        ),
        Panel(
            "Money for AcceleratorTrials and exit drills (MONEY)",
            "Of each trial that goes on or ended within 24 hours: its budget, the most that it can cost, and what it has cost so far. It is no part "
            "of the money for explorations.",
            (
                Query(
                    _one("steelyard_accelerator_trial_money_CURRENCY", "namespace, workload, trial, part"),
                    "{{trial}} of {{workload}}, {{part}}",
                ),
            ),
            unit="currencyMONEY",
            width=THIRD,
        ),
        Panel(
            "Weighed moves: saving over cost, median",
            "Begun and refused. Moves are begun where the saving pays for the move within spec.rebalancing.paybackSeconds.",
            (
                Query(
                    f"histogram_quantile(0.5, sum by (outcome, le) {_growth('steelyard_move_score_bucket', '6h')})",
                    "{{outcome}}",
                ),
            ),
            width=THIRD,
        ),
    ),
)
COMPILES = Row(
    "Compiles",
    (
        Panel(
            "Compiled models by state",
            "Waiting is the queue: config.compile.jobsAtOnce run at the same time. Failed: the last attempt; the CompiledModel says why and when "
            "it is tried again.",
            (
                Query(
                    'sum by (namespace, state) (max by (namespace, state) (steelyard_compiles{namespace=~"$namespace"}))',
                    "{{namespace}} {{state}}",
                ),
            ),
            width=THIRD,
            more={"decimals": 0, "min": 0},
        ),
        Panel(
            "Progress of running compiles",
            "A series exists only while its compile runs.",
            (Query('max by (namespace, model) (steelyard_compile_progress_ratio{namespace=~"$namespace"})', "{{model}}"),),
            unit="percentunit",
            width=THIRD,
            more={"min": 0, "max": 1},
        ),
        Panel(
            "Time of a compile: median and 95 %",
            "Of the jobs that ended within 24 hours, by back end and outcome. Found: the artifact was in the store, and nothing was compiled.",
            tuple(
                Query(
                    f"histogram_quantile({part}, sum by (backend, outcome, le) {_growth('steelyard_compile_duration_seconds_bucket', '24h')})",
                    f"{{{{backend}}}} {{{{outcome}}}} p{part[2:]}",
                )
                for part in ("0.5", "0.95")
            ),
            unit="s",
            width=THIRD,
        ),
    ),
)
HEALTH = Row(
    "The operator",
    (
        Panel("Leaders", "1 is right.", (Query("sum(steelyard_leader)"),), kind="stat", width=SIXTH, height=4),
        Panel("Moves in flight", "Of the installation.", (Query("max(steelyard_moves_in_flight)"),), kind="stat", width=SIXTH, height=4),
        Panel(
            "Since the last decision cycle",
            "Grows only while a decision is due.",
            (Query("time() - max(steelyard_last_decision_cycle_timestamp_seconds)"),),
            kind="stat",
            unit="s",
            width=SIXTH,
            height=4,
        ),
        Panel(
            "Voluntary actions are stopped",
            "By the reason that is shown; empty: nothing stops them.",
            (Query("max by (reason) (steelyard_safe_mode)", "{{reason}}"),),
            kind="stat",
            width=SIXTH,
            height=4,
            options={"textMode": "name"},
        ),
        Panel(
            "Clocks disagree by",
            "From 60 s on no move for cost is made.",
            (Query("max(steelyard_clock_disagreement_seconds)"),),
            kind="stat",
            unit="s",
            width=SIXTH,
            height=4,
        ),
        Panel(
            "Keys that wait",
            "In the queue of what is to be looked at.",
            (Query("max(steelyard_queue_depth)"),),
            kind="stat",
            width=SIXTH,
            height=4,
        ),
        Panel(
            "Age of readings and of prices",
            "Old readings hold a workload; a price that is too old for its class holds all moves from and to its pool.",
            (
                Query(_one("steelyard_observation_age_seconds", "namespace, workload"), "readings of {{workload}}"),
                Query("max by (pool) (steelyard_price_age_seconds)", "price of {{pool}}"),
            ),
            unit="s",
        ),
        Panel(
            "Waiting, working, and the event loop, 99 %",
            "Time from a change until it is looked at, of one look, and how late the loop goes on: the Lease is renewed in it.",
            (
                Query("histogram_quantile(0.99, sum by (le) (rate(steelyard_queue_wait_seconds_bucket[5m])))", "waiting"),
                Query("histogram_quantile(0.99, sum by (le) (rate(steelyard_decision_cycle_seconds_bucket[5m])))", "one decision"),
                Query("histogram_quantile(0.99, sum by (le) (rate(steelyard_loop_lag_seconds_bucket[5m])))", "loop lag"),
            ),
            unit="s",
        ),
        Panel(
            "Requests to the API server, a second",
            "By code. 409 is a conflict that is tried again; 0 is no answer.",
            (Query("sum by (code) (rate(steelyard_api_requests_total[5m]))", "{{code}}"),),
            unit="reqps",
        ),
        Panel(
            "What was refused or lost, an hour",
            "Inputs that were not believed, watch events that could not be recorded, Events that were not posted, series over their limit.",
            (
                Query(f"sum by (source, reason) {_growth('steelyard_input_rejected_total', '1h')}", "{{source}}: {{reason}}"),
                Query(f"sum by (resource) {_growth('steelyard_intake_failures_total', '1h')}", "watch of {{resource}}"),
                Query(f"sum by (reason) {_growth('steelyard_events_dropped_total', '1h')}", "events: {{reason}}"),
                Query(f"sum by (metric) {_growth('steelyard_metric_series_dropped_total', '1h')}", "series of {{metric}}"),
            ),
        ),
    ),
)
ROWS = (COSTS, PLACES, PROMISES, CLAIMS, COMPILES, HEALTH)
MOVES = Query(
    _one("steelyard_move_under_way", "namespace, workload, source, target, kind"),
    "{{kind}} of {{namespace}}/{{workload}}: {{source}} to {{target}}",
)
VARIABLES = (
    ("namespace", "label_values(steelyard_condition_status, namespace)"),
    ("workload", 'label_values(steelyard_condition_status{namespace=~"$namespace"}, workload)'),
    ("unit", "label_values(steelyard_unit_cost_CURRENCY, unit)"),
)


def text() -> str:
    """The whole file."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def dashboard() -> Json:
    """As Grafana imports it."""
    return {
        "title": "Steelyard",
        "uid": "steelyard",
        "description": "What one good request costs, whether the promise is kept, and what the operator does. A gap is an unknown value, never zero.",
        "tags": ["steelyard"],
        "schemaVersion": 39,
        "version": 2,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "annotations": {"list": [_moves()]},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}, *map(_variable, VARIABLES)]
        },
        "panels": list(_panels()),
    }


def _moves() -> Json:
    return {
        "name": "Moves",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "orange",
        "expr": MOVES.expr,
        "step": "30s",
        "titleFormat": MOVES.legend,
        "tagKeys": "kind",
    }


def _variable(described: tuple[str, str]) -> Json:
    name, query = described
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": query,
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> Iterator[Json]:
    number, y = 1, 0
    for row in ROWS:
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": WIDE, "h": 1},
            "panels": [],
        }
        number, y, x, high = number + 1, y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > WIDE:
                x, y, high = 0, y + high, 0
            yield _panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": panel.height})
            number, x, high = number + 1, x + panel.width, max(high, panel.height)
        y += high


def _panel(panel: Panel, number: int, place: Json) -> Json:
    at_once = panel.kind in {"table", "bargauge", "gauge"}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.said,
        "gridPos": place,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, **panel.more}, "overrides": list(panel.overrides)},
        "options": panel.options,
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "expr": query.expr,
                **({"legendFormat": query.legend} if query.legend else {}),
                **({"instant": True, "range": False} if at_once else {}),
                **({"format": "table"} if panel.kind == "table" else {}),
            }
            for at, query in enumerate(panel.queries)
        ],
    }
