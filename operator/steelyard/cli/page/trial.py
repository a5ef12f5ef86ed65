"""The report of a trial as a page: equal quality, capacity, cost, and how it was measured."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from steelyard.cli.page.claim import claims
from steelyard.cli.page.element import element, listed, section, table
from steelyard.cli.page.frame import framed
from steelyard.cli.page.month import month
from steelyard.cli.text.explain import promise
from steelyard.cli.text.figure import UNKNOWN, count, duration, milliseconds, money, percent
from steelyard.cli.text.trial import accuracy, by_load, capacity, cost, flips, good, is_compared, load, spent, start
from steelyard.cli.unit import GOOD, unit_of
from steelyard.cli.view.trial import TrialView
from steelyard.cli.view.trial_report import TrialReportView


def page(view: TrialReportView) -> str:
    """The whole file."""
    told = view.trial
    about = f"Trial {told.namespace}/{told.name} of {told.workload}, {told.model or 'model unknown'}"
    return framed(view, told.name, about, _sections(told), _again(told))


def _sections(told: TrialView) -> Iterator[Element | None]:
    yield section("Quality", element("p", promise(told.objective)), _quality(told))
    yield section("Capacity and cost", _capacity(told))
    yield section("Cost at the workload's loads", _loads(told))
    yield section("A month", month(told.month, told.currency, "at the load that the workload had, with whole replicas"))
    yield section("Where the claim would turn", listed(flips(told)))
    yield section("Claims and their sources", claims(told.claims))
    yield section("How it was measured", listed(_how(told)))


def _quality(told: TrialView) -> Element | None:
    rows = [
        (
            load(step),
            found.pool,
            count(step.requests),
            percent(step.good_percent),
            milliseconds(step.p50_milliseconds),
            milliseconds(step.p95_milliseconds),
            milliseconds(step.p99_milliseconds),
        )
        for found, step in by_load(told)
    ]
    heads = ("Load", "Pool", "Requests", "Within the objective", "50th percentile", "95th percentile", "99th percentile")
    return table(heads, rows, "Equal quality comes before cost: each load on every pool that was measured at it")


def _capacity(told: TrialView) -> Element | None:
    currency, compared = told.currency or "Money", is_compared(told)
    rows = [
        (
            found.pool,
            capacity(found),
            money(found.saturation.per_replica if found.saturation else None),
            cost(found, told.unit),
            good(found),
            f"{money(found.price_per_hour)} ({found.price_class or 'no class'})" if found.price_per_hour is not None else UNKNOWN,
            start(found),
            UNKNOWN if found.compile_seconds is None else duration(found.compile_seconds),
            *([accuracy(found)] if compared else []),
        )
        for found in told.pools
    ]
    heads = (
        "Pool",
        "Good requests/s a replica [95 %]",
        "Completed/s at most",
        f"{currency} for {unit_of(told.unit).head.lower()} [95 %]",
        "n",
        f"{currency} an hour, a replica",
        "Start-up",
        "Compile",
        *(["Least cosine to the model in float32"] if compared else []),
    )
    return table(heads, rows, "Where the objective is just kept")


def _loads(told: TrialView) -> Element | None:
    rows = [
        (load(step), found.pool, count(step.replicas), money(step.unit_cost), money(step.joules_per_request))
        for found, step in by_load(told)
    ]
    heads = ("Load", "Pool", "Replicas", f"{told.currency or 'Money'} for {GOOD.head.lower()}", "Joules a good request")
    return table(heads, rows, "Replicas are whole: at a small load the pools may stand otherwise than where the objective is just kept")


def _how(told: TrialView) -> Iterator[str]:
    lasted = "" if told.load_seconds is None else f" for {duration(told.load_seconds)}"
    long = "" if told.local else f" as long as those of {told.workload}"
    steady = "" if told.load is None else f", then steady loads at half, all and twice of {money(told.load)} requests/s"
    yield (
        f"One replica on each pool, which served nobody, got requests{long}{lasted}: ever more until the objective broke and the server was "
        f"full{steady}."
    )
    for found in told.pools:
        if found.since is not None:
            until = f"{found.until:%Y-%m-%d %H:%M:%S}" if found.until else "now"
            yield (
                f"{found.pool}: {found.since:%Y-%m-%d %H:%M:%S} to {until} UTC, revision {found.revision or UNKNOWN}"
                + ("" if told.local else f", Job {found.job_name or UNKNOWN}")
            )
    if not told.local:
        yield f"{spent(told)}."


def _again(told: TrialView) -> Element:
    commands = [("the same trial again", told.command)]
    commands += (
        []
        if told.local
        else [
            ("all figures of this page", f"steelyard report {told.name} --trial -n {told.namespace} -o json"),
            ("the same in the terminal", f"steelyard trial show {told.name} -n {told.namespace}"),
        ]
    )
    return element("ul", *(element("li", f"{what}: ", element("code", command)) for what, command in commands))
