"""By what the users' own requests come to the replicas of a live trial, in words."""

from __future__ import annotations

from steelyard.cli.facts.workload import Spread

_WORDS = {
    Spread.WEIGHTS: "a share for each pool by the weights of the route, 1 % at first and more step by step",
    Spread.ENDPOINT_PICKER: "to each replica what the endpoint picker sent it",
    Spread.REPLICAS: "an equal share for each replica, whatever it could carry",
}


def share(by: Spread | None) -> str:
    """What of the requests came where."""
    return _WORDS[by] if by is not None else "a share of which it is not known what it went by"
