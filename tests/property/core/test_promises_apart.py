"""Several promises of the same requests: what is told of each and of all together is never better, or worse, than the truth allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.facts.missed import Missed
from steelyard.core.facts.window import Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.performance.capacity import broke
from steelyard.core.performance.kept import kept
from steelyard.core.statistics.sequential import Result, violations
from steelyard.observe.sample import Counts, Within

NOW = datetime(2026, 9, 1, tzinfo=UTC)
METRICS = ("e2e", "ttft", "itl")
ALLOWED = st.sampled_from([0.001, 0.01, 0.05, 0.2])
_ORDER = (Result.PASS, Result.INCONCLUSIVE, Result.FAIL)


@dataclass(frozen=True)
class Requests:
    """By request, which promises it kept; failed ones are not observed."""

    kept: list[tuple[bool, ...]]
    failed: int
    shed: int
    allowed: tuple[float, ...]

    @property
    def good(self) -> int:
        return sum(map(all, self.kept))

    def missed(self, promise: int) -> int:
        return sum(not each[promise] for each in self.kept) + self.failed + self.shed

    @property
    def counts(self) -> Counts:
        n = len(self.kept)
        told = tuple(
            Within(
                least=sum(each[at] for each in self.kept),
                most=sum(each[at] for each in self.kept),
                observed=n,
                metric=METRICS[at],
                allowed=part,
            )
            for at, part in enumerate(self.allowed)
        )
        return Counts(answered=n, error=self.failed, shed=self.shed, told=told)

    def window(self, at: int = 0) -> Window:
        tally = self.counts.tally
        start = NOW + at * timedelta(minutes=1)
        return Window(start, start + timedelta(minutes=1), tally.good, tally.slow, tally.error, tally.shed, 60.0, None, 1.0, True, unsure=tally.unsure, apart=tally.apart)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn, promises: int | None = None, allowed: tuple[float, ...] | None = None) -> Requests:
    n = promises or draw(st.integers(2, 3))
    some = draw(st.lists(st.tuples(*(st.booleans() for _ in range(n))), max_size=40))
    times = draw(st.integers(1, 20))
    return Requests(some * times, draw(st.integers(0, 9)), draw(st.integers(0, 9)), allowed or tuple(draw(ALLOWED) for _ in range(n)))


@given(requests())
def test_good_requests_are_between_the_bounds_of_frechet(sent: Requests) -> None:
    tally = sent.counts.tally
    n, misses = len(sent.kept), [sent.missed(at) - sent.failed - sent.shed for at in range(len(sent.allowed))]
    assert tally.good == max(0, n - sum(misses)) <= sent.good <= tally.good + tally.unsure == n - max(misses, default=0)


@given(requests())
def test_each_promise_is_told_exactly_where_its_histogram_has_an_edge(sent: Requests) -> None:
    told = {each.metric: each for each in sent.counts.tally.apart}
    for at, allowed in enumerate(sent.allowed):
        one = told[METRICS[at]]
        assert (one.late + sent.failed + sent.shed, one.unsure, one.allowed) == (sent.missed(at), 0, allowed)


@given(st.lists(requests(promises=2, allowed=(0.01, 0.1)), min_size=1, max_size=4))
def test_the_promise_is_kept_exactly_as_the_worst_of_all_is(sent: list[Requests]) -> None:
    windows = [each.window(at) for at, each in enumerate(sent)]
    n = sum(w.offered for w in windows)
    tests = [violations(sum(each.missed(at) for each in sent), n, 0, 0, part) for at, part in enumerate((0.01, 0.1))]
    found = kept(windows, 0.01)
    assert _ORDER.index(found.test.result) == max(_ORDER.index(test.result) for test in tests)
    assert found.test in tests


@given(requests())
def test_a_window_keeps_all_promises_exactly_where_it_keeps_the_strictest_as_weighed(sent: Requests) -> None:
    window, strictest = sent.window(), min(sent.allowed)
    truly = all(sent.missed(at) <= part * window.offered * (1 + 1e-9) for at, part in enumerate(sent.allowed))
    assert (window.violations <= strictest * window.offered * (1 + 1e-9)) is truly


@given(requests())
def test_a_load_is_called_broken_no_sooner_than_one_of_its_promises_alone_would_be(sent: Requests) -> None:
    window, strictest = sent.window(), min(sent.allowed)
    alone = [
        window._replace(slow=each.late, good=window.good + window.slow - each.late, unsure=each.unsure, apart=()) for each in window.apart
    ]
    if broke(window, strictest):
        assert any(broke(one, part) for one, part in zip(alone, sent.allowed, strict=True))


@given(requests(promises=1))
def test_one_promise_is_not_told_apart(sent: Requests) -> None:
    window = sent.window()
    assert window.apart == ()
    assert window.violations == window.slow + window.error + window.shed == sent.missed(0)


@given(st.lists(requests(promises=3), max_size=6))
def test_a_table_keeps_what_is_told_apart(sent: list[Requests]) -> None:
    rows = [each.window(at) for at, each in enumerate(sent)]
    assert tuple(WindowTable(rows)) == tuple(rows)
    table = WindowTable()
    for row in rows:
        table = table.then(row, 4)
    assert tuple(table) == tuple(rows[-4:])
    assert Missed("e2e", 0, 0, 0.5) not in [each for row in table for each in row.apart]
