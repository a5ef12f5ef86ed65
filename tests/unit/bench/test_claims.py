"""The spreads that decisions use are those that the benchmark measures on the shipped claims."""

from bench import claims
from steelyard.core.catalogue.estimate import SPREADS


def test_the_spreads_in_use_are_those_measured() -> None:
    table = list(claims.rows(lambda _: None, quick=True))
    assert claims.spreads(table) == SPREADS, "run `python -m bench claims`, and set SPREADS to what it finds"
