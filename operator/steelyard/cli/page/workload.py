"""The report of a workload as a page: quality, cost, money, claims, and what would change."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from steelyard.cli.page.claim import claims
from steelyard.cli.page.element import element, listed, section, table
from steelyard.cli.page.frame import framed
from steelyard.cli.page.month import month
from steelyard.cli.text.explain import objective, told_change
from steelyard.cli.text.figure import UNKNOWN, basis, count, milliseconds, money, percent, price_age, with_interval
from steelyard.cli.unit import unit_of
from steelyard.cli.view.report import ReportView


def page(view: ReportView) -> str:
    """The whole file."""
    told = view.explanation
    about = f"{told.namespace}/{told.name}, {told.model or 'no model'}"
    return framed(view, told.name, about, _sections(view), _again(view))


def _sections(view: ReportView) -> Iterator[Element | None]:
    told = view.explanation
    yield section("Quality", element("p", objective(told)), _quality(view))
    yield section("Cost", element("p", f"{told.where} {told.why}"), _cost(view))
    yield section("A month", month(view.month, told.currency, "at the pace that was measured"))
    yield section("An hour now", _hour(view))
    yield section("Claims and their sources", claims(told.claims))
    yield section("What would change this", listed(told_change(change, told) for change in told.would_change))
    yield section("What earlier moves saved", _moves(view))


def _again(view: ReportView) -> Element:
    told = view.explanation
    commands = [
        ("all figures of this page", f"steelyard report {told.name} -n {told.namespace} -o json"),
        ("the same in the terminal", f"steelyard explain {told.name} -n {told.namespace}"),
    ]
    items = [element("li", f"{what}: ", element("code", command)) for what, command in commands]
    if told.digest:
        found = f"the decision's record has the digest {told.digest} in the operator's log; from it, "
        items.append(element("li", found, element("code", "steelyard replay LOG"), " makes the same decision again"))
    return element("ul", *items)


def _quality(view: ReportView) -> Element | None:
    rows = [
        (row.pool, "yes" if row.used else "no", count(row.n), percent(row.good_percent), milliseconds(row.p99_milliseconds))
        for row in view.explanation.pools
        if row.good_percent is not None or row.p99_milliseconds is not None
    ]
    return table(("Pool", "In use", "Good requests", "Within the objective", "99th percentile"), rows, "Equal quality comes before cost")


def _cost(view: ReportView) -> Element | None:
    told = view.explanation
    currency = told.currency or "Money"
    rows = [
        (
            row.pool,
            with_interval(row.unit_cost, row.lower, row.upper),
            basis(row.basis, row.n),
            count(row.replicas),
            money(row.cost_per_hour),
            f"{money(row.price.value)} ({row.price.price_class or 'no class'}, {price_age(row.price.as_of, view.now)})"
            if row.price
            else UNKNOWN,
            money(row.cheapest_below),
        )
        for row in told.pools
    ]
    heads = (
        "Pool",
        f"{currency} for {unit_of(told.unit).head.lower()} [95 %]",
        "Basis",
        "Replicas needed",
        f"{currency} an hour",
        "A node an hour",
        "Cheapest below",
    )
    return table(heads, rows, "What the load of now costs on each pool, and the node price below which that pool would be the cheapest")


def _hour(view: ReportView) -> Element | None:
    rows = [(row.pool, money(row.allocated), money(row.fully_loaded), money(row.avoidable)) for row in view.explanation.costs]
    said = "Allocated: the requested share of the nodes. Fully loaded: with its part of what idles. Avoidable: what the bill would be less; this decides"
    return table(("Pool", "Allocated", "Fully loaded", "Avoidable"), rows, said)


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
