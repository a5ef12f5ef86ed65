"""What the workload costs an hour on one pool, in the three ways in which it can be counted."""

from typing import Annotated

from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.money import Decimal
from steelyard.api.text import PoolName


class PoolCost(StatusModel):
    """Money an hour on one pool, as things stand: by the nodes, the pods and the prices of now."""

    pool: Annotated[PoolName, says("The pool that the money is spent on, whichever revisions run there.", example="inf2-xlarge")]
    allocated: Annotated[
        Decimal | None,
        says(
            "The requested share of its nodes' prices, start and drain included. The unit cost of a placement is made of it. Missing while a price is not known.",
            unit="currency an hour",
            example="0.51",
        ),
    ] = None
    fully_loaded: Annotated[
        Decimal | None,
        says(
            "That, and its part of what stands idle on the pool: of all workloads together the price of the pool's nodes. Pods that"
            " are not Steelyard's are not seen: what they request counts as idle. Missing while the price of any node of the pool "
            "is not known.",
            unit="currency an hour",
            example="0.76",
        ),
    ] = None
    avoidable: Annotated[
        Decimal | None,
        says(
            "What the bill would be less without the workload: nodes that it alone uses where an autoscaler removes them, the "
            "requested share where nodes stay, nothing where they are reserved. Other pods are not seen, so it is at most this. "
            "Missing while a price that counts is not known.",
            unit="currency an hour",
            example="0.76",
        ),
    ] = None
