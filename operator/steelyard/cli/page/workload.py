"""The report of a workload as a page: quality, cost, money, claims, and what would change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from xml.etree.ElementTree import Element

from steelyard.cli.facts.pool import Price
from steelyard.cli.page.claim import claims
from steelyard.cli.page.element import element, listed, section, table
from steelyard.cli.page.frame import framed, model
from steelyard.cli.page.month import month
from steelyard.cli.page.period import period
from steelyard.cli.page.recorded import recorded
from steelyard.cli.text.accuracy import compared, figure_of
from steelyard.cli.text.exit_drill import exit_line
from steelyard.cli.text.explain import objective, told_change
from steelyard.cli.text.figure import UNKNOWN, basis, count, exact, milliseconds, money, percent, price_age, with_interval
from steelyard.cli.unit import unit_of
from steelyard.cli.view.pool_row import PoolRow
from steelyard.cli.view.report import ReportView
from steelyard.status.read.cost import PoolCost


def page(view: ReportView, signed_by: str | None = None) -> str:
    """The whole file. signed_by: who answers for it."""
    told = view.explanation
    about = f"{told.namespace}/{told.name}, {model(told.model, told.model_revision)}"
    return framed(view, told.name, about, _sections(view), _again(view), signed_by)


def _sections(view: ReportView) -> Iterator[Element | None]:
    told = view.explanation
    yield section("Quality", element("p", objective(told)), _quality(view))
    yield section("Cost", element("p", f"{told.where} {told.why}"), _cost(view))
    yield section("Where the money is", _hour(view), period(view.period), _bill(view))
    yield section("A month", month(view.month, told.currency, "at the pace that was measured"))
    yield section("Claims and their sources", claims(told.claims))
    yield section("What would change this", listed(told_change(change, told) for change in told.would_change))
    yield section("Leaving the accelerator family", _exit(view))
    yield section("What earlier moves saved", _moves(view))
    yield section("How it was measured", listed(_how(view)))


def _again(view: ReportView) -> Element:
    told = view.explanation
    commands = [
        ("all figures of this page", f"steelyard report {told.name} -n {told.namespace} -o json"),
        ("the same in the terminal", f"steelyard explain {told.name} -n {told.namespace}"),
    ]
    items = [element("li", f"{what}: ", element("code", command)) for what, command in commands]
    if told.digest:
        items.append(recorded(told.digest))
    return element("ul", *items)


def _quality(view: ReportView) -> Element | None:
    rows = [
        (
            row.pool,
            "yes" if row.used else "no",
            count(row.n),
            percent(row.good_percent),
            milliseconds(row.p50_milliseconds),
            milliseconds(row.p95_milliseconds),
            milliseconds(row.p99_milliseconds),
        )
        for row in view.explanation.pools
        if row.good_percent is not None or row.p99_milliseconds is not None
    ]
    heads = ("Pool", "In use", "Good requests", "Within the objective", "50th percentile", "95th percentile", "99th percentile")
    return table(heads, rows, "Equal quality comes before cost")


def _cost(view: ReportView) -> Element | None:
    told = view.explanation
    currency, near = told.currency or "Money", compared(told.pools)
    rows = [
        (
            row.pool,
            with_interval(row.unit_cost, row.lower, row.upper),
            *([_near(row)] if near else []),
            basis(row.basis, row.n),
            count(row.replicas),
            money(row.cost_per_hour),
            _node(row.price, view.now),
            money(row.cheapest_below),
        )
        for row in told.pools
    ]
    heads = (
        "Pool",
        f"{currency} for {unit_of(told.unit).whole} [95 %]",
        *(["Accuracy to the reference"] if near else []),
        "Basis",
        "Replicas needed",
        f"{currency} an hour",
        "A node an hour",
        "Cheapest below",
    )
    return table(heads, rows, "What the load of now costs on each pool, and the node price below which that pool would be the cheapest")


def _node(price: Price | None, now: datetime) -> str:
    """With where it is from and how old it is."""
    if price is None:
        return UNKNOWN
    said = f"{exact(price.value)} ({price.price_class or 'no class'}, {price_age(price.as_of, now)})"
    return f"{said}, {price.source}" if price.source else said


def _near(row: PoolRow) -> str:
    found = figure_of(row.accuracy)
    return UNKNOWN if found is None else f"{found[0]} ({found[1]})"


def _hour(view: ReportView) -> Element | None:
    rows = [
        (row.pool, money(row.allocated), money(_idle(row)), money(row.fully_loaded), money(row.avoidable)) for row in view.explanation.costs
    ]
    currency = view.explanation.currency or "Money"
    said = f"{currency} an hour, as things stand now. Without the workload the bill would be less by the last column, which is what decides"
    return table(("Pool", "Its share of the nodes", "Its part of what stands idle", "Together", "Avoidable"), rows, said)


def _idle(row: PoolCost) -> Decimal | None:
    return None if row.fully_loaded is None or row.allocated is None else row.fully_loaded - row.allocated


def _bill(view: ReportView) -> Element | None:
    if view.period is None and not view.explanation.costs:
        return None
    said = "What of the provider's bill these figures explain, and what is left: "
    return element("p", said, element("code", "steelyard bill LEDGER BILL"), ".", class_="soft")


def _how(view: ReportView) -> Iterator[str]:
    """When, by how many requests, and how long these were."""
    for place in view.explanation.placements:
        cost = place.unit_cost
        if cost is None or cost.since is None or cost.until is None:
            continue
        lengths = [
            f"{money(tokens.mean)} {which} tokens in the mean"
            for which, tokens in (("input", place.input_tokens), ("output", place.output_tokens))
            if tokens is not None
        ]
        said = f"{place.pool}: {cost.since:%Y-%m-%d %H:%M:%S} to {cost.until:%Y-%m-%d %H:%M:%S} UTC, revision {place.revision or UNKNOWN}"
        yield ", ".join([said, f"{count(cost.n)} good requests of its users", *lengths])


def _exit(view: ReportView) -> Element | None:
    told = view.explanation.exit_drill
    return None if told is None else element("p", f"Exit: {exit_line(told, view.now)}.")


def _moves(view: ReportView) -> Element | None:
    rows = [
        (
            f"{past.time:%Y-%m-%d %H:%M}" if past.time else UNKNOWN,
            f"{past.source or UNKNOWN} to {past.target or UNKNOWN}",
            past.outcome or UNKNOWN,
            with_interval(past.saved.value, past.saved.lower, past.saved.upper) if past.saved else UNKNOWN,
        )
        for past in view.explanation.history
    ]
    return table(
        ("When (UTC)", "Move", "Outcome", "Saved, as measured afterwards [95 %]"),
        rows,
        "A saving is claimed only where its interval does not cover 0",
    )
