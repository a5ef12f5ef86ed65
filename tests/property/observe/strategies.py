"""Lives of pods: processes that count, are scraped, restart, and end with or without a last word."""

from dataclasses import dataclass

from hypothesis import strategies as st

from steelyard.observe.sample import Sample, Tally
from steelyard.observe.termination import Final
from unit.observe.pods import sample


@dataclass(frozen=True)
class Life:
    """`news` in the order in which it happened; `truth` is what the pod really counted as far as anyone could know."""

    news: tuple[Sample | Final, ...]
    truth: Tally
    complete: bool


@st.composite
def lives(draw: st.DrawFn, most_runs: int = 3) -> Life:
    clock, news, truth, complete = 0.0, [], Tally(), True
    for _ in range(draw(st.integers(1, most_runs))):
        clock += draw(st.integers(1, 30))
        start, good, slow, seen = clock, 0, 0, Tally()
        for _ in range(draw(st.integers(0, 4))):
            clock += draw(st.integers(1, 10))
            good, slow = good + draw(st.integers(0, 50)), slow + draw(st.integers(0, 5))
            news.append(sample(clock, good, slow, start=start, cpu=None))
            seen = Tally(good, slow)
        if draw(st.booleans()):
            seen = Tally(good + draw(st.integers(0, 50)), slow)
            news.append(Final(start, seen))
        else:
            complete = False if seen != Tally() or any(isinstance(n, Sample) and n.start == start for n in news) else complete
        truth = truth + seen
    return Life(tuple(news), truth, complete)
