"""How the load rose within minutes, over days."""

from typing import Annotated

from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.moment import Time
from steelyard.api.status_values import Count


class LoadRises(StatusModel):
    """Requests, of which one that is three days old counts for half."""

    time: Annotated[Time, says("They were counted until then.", example="2026-03-01T12:00:00Z")]
    requests: Annotated[Count, says("All of them.", unit="requests", example=2900000)] = 0
    risen: Annotated[
        tuple[Annotated[Count, says("So many.", unit="requests", example=61000)], ...],
        says(
            "Those after which 10, 15, 20, 30, 40, 55 and 75 % more came, or more, than was expected 2 minutes before; then 4, 8 and 16.",
            most=28,
            list_type="atomic",
        ),
    ] = ()
