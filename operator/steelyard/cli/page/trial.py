"""The report of a trial as a page: equal quality, capacity, where the money is, what would change the answer, and how it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from xml.etree.ElementTree import Element

from steelyard.cli.facts.pool import Price
from steelyard.cli.page.claim import claims
from steelyard.cli.page.element import element, listed, section, table
from steelyard.cli.page.frame import framed, model
from steelyard.cli.page.month import month
from steelyard.cli.page.recorded import recorded
from steelyard.cli.text.accuracy import accuracies
from steelyard.cli.text.explain import promise
from steelyard.cli.text.figure import UNKNOWN, count, duration, exact, interval, milliseconds, money, percent, price_age
from steelyard.cli.text.trial import (
    by_factor,
    by_lengths,
    by_load,
    capacity,
    cost,
    flips,
    good,
    length_rows,
    load,
    same_money,
    spent,
    start,
)
from steelyard.cli.unit import GOOD, unit_of
from steelyard.cli.view.break_even import BreakEven
from steelyard.cli.view.spread import share
from steelyard.cli.view.trial import STEPS, TrialView
from steelyard.cli.view.trial_report import TrialReportView
from steelyard.status.read.trial import PRESENT, TrialPool

SEED = 1
"""That all generators of trials draw by: the runtime's default, which no trial changes."""


def page(view: TrialReportView, signed_by: str | None = None) -> str:
    """The whole file. signed_by: who answers for it."""
    told = view.trial
    what = "Trial on one machine" if told.local else f"Trial {told.namespace}/{told.name} of {told.workload}"
    about = f"{what}, {model(told.model, told.model_revision)}"
    return framed(view, told.name, about, _sections(view), _again(told), signed_by)


def _sections(view: TrialReportView) -> Iterator[Element | None]:
    told = view.trial
    yield section("Quality", element("p", promise(told.objective)), _quality(told), listed(accuracies(told.pools)))
    yield section("Capacity and cost", _capacity(told), listed(f"{said}." for said in same_money(told)))
    yield section("Other lengths", _lengths(told))
    yield section("Cost as served" if told.live else "Where the money is", _hours(view), listed(_once(told)))
    yield section(
        "A month",
        month(told.month, told.currency, f"at the load that {'was asked for' if told.local else 'the workload had'}, with whole replicas"),
    )
    yield section("Prices", _prices(view))
    yield section(
        "What would change the answer",
        listed([*(_break_even(each, told.currency) for each in view.break_even), *flips(told), *by_lengths(told)]),
    )
    yield section("Claims and their sources", claims(told.claims))
    yield section("How it was measured", listed(_how(told)))


def _quality(told: TrialView) -> Element | None:
    rows = [
        (
            load(step, live=told.live),
            found.pool,
            count(step.requests),
            percent(step.good_percent),
            milliseconds(step.p50_milliseconds),
            milliseconds(step.p95_milliseconds),
            milliseconds(step.p99_milliseconds),
        )
        for found, step in by_load(told)
    ]
    what = "what users got there" if told.live else "each load on every pool that was measured at it"
    heads = ("Load", "Pool", "Requests", "Within the objective", "50th percentile", "95th percentile", "99th percentile")
    return table(heads, rows, "Equal quality comes before cost: " + what)


def _capacity(told: TrialView) -> Element | None:
    rows = [
        (
            found.pool,
            capacity(found),
            money(found.saturation.per_replica if found.saturation else None),
            cost(found, told.unit),
            good(found),
        )
        for found in told.pools
    ]
    heads = (
        "Pool",
        "Good requests/s a replica [95 %]",
        "Completed/s at most",
        f"{told.currency or 'Money'} for {unit_of(told.unit).whole} [95 %]",
        "n",
    )
    return table(heads, rows, "Where the objective is just kept")


def _lengths(told: TrialView) -> Element | None:
    heads = (
        "All lengths",
        "Pool",
        "Good requests/s a replica [95 %]",
        "Completed/s at most",
        f"{told.currency or 'Money'} for {unit_of(told.unit).whole} [95 %]",
        "n",
    )
    return table(
        heads, length_rows(told), "Where the objective is just kept, by a shorter ramp with all lengths of the requests times a factor"
    )


def _hours(view: TrialReportView) -> Element | None:
    told = view.trial
    currency = told.currency or "Money"
    hours = {(each.pool, each.load): each for each in view.hours}
    rows = [
        (
            load(step, live=told.live),
            found.pool,
            count(step.replicas),
            money(hour.money if hour else None),
            UNKNOWN if hour is None or hour.spare is None else f"{100 * hour.spare:.0f} %",
            money(step.unit_cost),
            money(step.joules_per_request),
        )
        for found, step in by_load(told)
        for hour in (hours.get((found.pool, step.load)) if step.load is not None else None,)
    ]
    heads = ("Load", "Pool", "Replicas", f"{currency} an hour", "Of it spare", f"{currency} for {GOOD.whole}", "Joules a good request")
    whole = (
        "Price times replicas. Replicas are whole: what is spare pays for more than the load needs, so that at a small load the pools may stand "
        "otherwise than where the objective is just kept"
    )
    served = f"Price times replicas, as served: {share(told.spread_by)}. It costs what it costs, and not what it would where the objective is just kept"
    return table(heads, rows, served if told.live else whole)


def _once(told: TrialView) -> Iterator[str]:
    """What is paid once: start-ups, compiles, the trial itself."""
    for found in told.pools:
        said = [f"a replica starts in {start(found)}{_starting(found, told.currency)}"] if found.start_seconds is not None else []
        said += [f"its artifact compiled for {duration(found.compile_seconds)}, once"] if found.compile_seconds else []
        said += [f"the trial itself cost {money(found.spent)} {told.currency or ''} there".strip()] if found.spent is not None else []
        if said:
            yield f"{found.pool}: {', '.join(said)}."
    if not told.local:
        yield f"{spent(told)}."


def _starting(found: TrialPool, currency: str | None) -> str:
    if found.price_per_hour is None or found.start_seconds is None:
        return ""
    return f", which costs {money(found.price_per_hour * found.start_seconds / 3600)} {currency or ''}".rstrip()


def _prices(view: TrialReportView) -> Element | None:
    told, now = view.trial, {each.pool: each.price for each in view.pools_now}
    rows = [
        (
            found.pool,
            exact(found.price_per_hour),
            found.price_class or UNKNOWN,
            *_node(now.get(found.pool), view.now),
        )
        for found in told.pools
        if found.price_per_hour is not None or now.get(found.pool) is not None
    ]
    currency = told.currency or "Money"
    if told.local:
        whole = "A server has all of the machine, and is charged all of it"
        return table(("Pool", f"{currency} an hour, the machine"), [row[:2] for row in rows], whole)
    heads = ("Pool", f"{currency} an hour, a replica in the trial", "Class", "A node an hour, now", "Class now", "Read", "Age", "Source")
    return table(heads, rows, "A replica is charged its part of its node; all costs on this page are by the price of the trial")


def _node(price: Price | None, now: datetime) -> tuple[str, ...]:
    if price is None:
        return (UNKNOWN,) * 5
    read = f"{price.as_of:%Y-%m-%d}" if price.as_of else UNKNOWN
    value = f"{exact(price.value)} {price.currency or ''}".strip()
    return value, price.price_class or UNKNOWN, read, price_age(price.as_of, now), price.source or UNKNOWN


def _break_even(each: BreakEven, currency: str | None) -> str:
    unit = f" {currency}" if currency else ""
    bounds = interval(each.lower, each.upper, each.equal_at)
    return (
        f"{each.pool}: at {money(each.equal_at)}{f' {bounds}' if bounds else ''}{unit} an hour for a replica, instead of {exact(each.price)}, it would cost "
        f"as much as {each.relative_to}; the claim {each.claim} would be true at {money(each.true_at)} or less."
    )


def _how(told: TrialView) -> Iterator[str]:
    lasted = "" if told.load_seconds is None else f" for {duration(told.load_seconds)}"
    if told.live:
        at_most = lasted.replace(" for ", ", for at most ")
        yield (
            f"Measured by your own requests: one replica on each pool answered a share of those of {told.workload} beside the replicas that "
            f"serve{at_most} each, one pool after the other: {share(told.spread_by)}. A pool that serves was measured where it serves."
        )
    else:
        yield _made(told, lasted)
    yield from _when(told)


def _made(told: TrialView, lasted: str) -> str:
    """Of requests that are made: what was sent where, as far as it came; what is sent where it goes on."""
    asked = [found for found in told.pools if found.since is not None]
    if not asked:
        return f"No request was sent. {told.state}"
    got, broke, was = ("got", "broke", "was") if told.ended else ("gets", "breaks", "is")
    where = "each pool" if len(asked) == len(told.pools) else " and ".join(found.pool for found in asked)
    long = "" if told.local else f" as long as those of {told.workload}"
    carried = " and ".join(found.pool for found in asked if found.capacity_basis == "Carried")
    unbroken = f" (on {carried} it broke at no load that was sent)" if carried else ""
    factors = " and ".join(f"{each:f}" for each in sorted({at.factor for found, at in by_factor(told) if at.factor is not None}))
    longer = f", then as much again in fewer steps with all lengths times {factors}" if factors else ""
    return (
        f"One replica on {where}, which served nobody, {got} requests{long}{lasted}: ever more until the objective {broke} and the server {was} "
        f"full{unbroken}{longer}{_steady(told, asked)}."
    )


def _steady(told: TrialView, asked: Sequence[TrialPool]) -> str:
    """Those that were measured; all of them where it goes on."""
    there = {step.of_present for found in asked for step in found.steps}
    parts = [word for part, word in STEPS.items() if part in there or not told.ended]
    if told.load is None or not parts:
        return ""
    return f", then steady loads at {', '.join(parts[:-1])}{' and ' if parts[1:] else ''}{parts[-1]} of {money(told.load)} requests/s"


def _when(told: TrialView) -> Iterator[str]:
    for found in told.pools:
        if found.since is not None:
            until = f"{found.until:%Y-%m-%d %H:%M:%S}" if found.until else "now"
            job = "" if told.live or told.local else f", Job {found.job_name or UNKNOWN}"
            yield (
                f"{found.pool}: {found.since:%Y-%m-%d %H:%M:%S} to {until} UTC, revision {found.revision or UNKNOWN}{job}{_served(found)}"
                f"{_long(found)}"
            )


def _long(found: TrialPool) -> str:
    """At the workload's own load where that was sent; else at the first that was."""
    step = found.at(PRESENT) or next(iter(found.steps), None)
    lengths = ((step.input_tokens, "input"), (step.output_tokens, "output")) if step is not None else ()
    told = [f"{money(tokens)} {which} tokens" for tokens, which in lengths if tokens is not None]
    return f", good requests of {' and '.join(told)} in the mean" if told else ""


def _served(found: TrialPool) -> str:
    return f", {found.backend or UNKNOWN} in {found.image}" if found.image is not None else ""


def _again(told: TrialView) -> Element:
    cluster = [
        ("all figures of this page", f"steelyard report {told.name} --trial -n {told.namespace} -o json"),
        ("the same in the terminal", f"steelyard trial show {told.name} -n {told.namespace}"),
        *(
            (
                f"every step on {found.pool}, as its generator logged it, for an hour after its end",
                f"kubectl logs -n {told.namespace} job/{found.job_name}",
            )
            for found in told.pools
            if found.job_name is not None and not told.live
        ),
    ]
    commands = [("the same trial again", told.command), *([] if told.local else cluster)]
    items = [element("li", f"{what}: ", element("code", command)) for what, command in commands]
    items += [] if told.digest is None else [recorded(told.digest)]
    drawn = f"all generators draw by seed {SEED}: at the same rate a replica gets the same requests at the same moments on every pool"
    return element("ul", *items, *([] if told.live else [element("li", drawn)]))
