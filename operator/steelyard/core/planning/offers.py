"""A workload's options as a placement problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.planning.option import Option, good_for_part
from steelyard.core.planning.problem import Offer, Problem


def problem_of(snapshot: Snapshot, options: Iterable[Option], rate: float, standing: Mapping[str, int], added: float = 0.0) -> Problem:
    """Over the options with figures, those included that are too small for the whole load. rate: requests per second. standing: replicas by pool.
    added: part of a replica's hourly cost that its move costs per hour; it falls on pools where nothing stands yet."""
    workload, offers = snapshot.workload, []
    for option in options:
        if not good_for_part(option) or option.most < 1 or (known := option.figures) is None or option.carries is None:
            continue
        here = standing.get(option.pool, 0)
        offers.append(
            Offer(
                pool=option.pool,
                family=option.candidate.pool.family,
                spot=option.candidate.pool.spot,
                capacity=option.carries.point,
                cost=known.each,
                least=workload.choice(option.pool).minimum,
                most=option.most,
                current=here,
                added=0.0 if here else added * known.each,
            )
        )
    return Problem(
        load=rate,
        minimum=workload.scaling.least,
        maximum=workload.scaling.maximum,
        offers=tuple(offers),
        min_families=workload.min_families,
        max_spot_percent=workload.max_spot_percent,
        equal_share=not snapshot.weighted,
    )
