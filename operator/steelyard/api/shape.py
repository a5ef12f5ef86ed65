"""One instance type of a pool: what it holds and what it costs, with where the price comes from."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.moment import Date
from steelyard.api.money import PositiveMoney
from steelyard.api.quantity import CpuQuantity, MemoryQuantity
from steelyard.api.rule import Pattern, Rule
from steelyard.api.word import Word


class PriceClass(Word):
    """Where a price comes from, best first."""

    EFFECTIVE = "Effective", "from the bill, after discounts and commitments"
    CONTRACTED = "Contracted", "from your contract"
    SPOT_MARKET = "SpotMarket", "the spot market's present price"
    LIST = "List", "the provider's public list"
    STATIC = "Static", "a number that somebody wrote down, for own hardware"


class Shape(SpecModel):
    """One instance type of the pool, with what it holds and costs."""

    RULES = (
        Rule(
            "has(self.pricePerHour) == has(self.priceClass)",
            "must be given with pricePerHour and only with it: whether a price is the bill's, the contract's or the list's decides how far it is trusted",
            lambda s: (s.price_per_hour is None) == (s.price_class is None),
            field="priceClass",
        ),
        Rule(
            "has(self.pricePerHour) == has(self.asOf)",
            "must be given with pricePerHour and only with it: the day the price was read, as YYYY-MM-DD",
            lambda s: (s.price_per_hour is None) == (s.as_of is None),
            field="asOf",
        ),
        Rule(
            "!has(self.priceSource) || has(self.pricePerHour)",
            "must be left out without pricePerHour: it says where that price can be looked up",
            lambda s: s.price_source is None or s.price_per_hour is not None,
            field="priceSource",
        ),
    )

    instance_type: Annotated[
        Annotated[
            str,
            Field(max_length=63),
            Pattern(
                "^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
                'must be the instance type as nodes carry it in node.kubernetes.io/instance-type, such as "inf2.xlarge"',
            ),
        ],
        says(
            "The instance type, as the nodes carry it in the label node.kubernetes.io/instance-type. Choose a word for own machines.",
            example="inf2.xlarge",
        ),
    ]
    devices: Annotated[
        int,
        says("How many accelerator devices one node of this type has. 0 for the family cpu.", unit="devices", example=1, low=0, high=128),
    ]
    cpu: Annotated[
        CpuQuantity, says("The CPUs of one node of this type, before the share that the system keeps for itself.", unit="CPUs", example="4")
    ]
    memory: Annotated[
        MemoryQuantity,
        says("The memory of one node of this type, before the share that the system keeps for itself.", unit="bytes", example="16Gi"),
    ]
    price_per_hour: Annotated[
        PositiveMoney | None,
        says(
            "What one node of this type costs, whole, in one hour. Left out, the price is Unknown: cost moves are held with PriceSuspect, and it "
            "is never taken for 0. No provisioner and no cloud is asked for a price.",
            unit="currency per hour",
            example="0.7582",
        ),
    ] = None
    price_class: Annotated[
        PriceClass | None, says("Where the price comes from. It is shown beside every cost that is made from it.", example="List")
    ] = None
    as_of: Annotated[
        Date | None, says("The day on which the price was read. Its age is shown, and a very old price is suspect.", example="2026-07-20")
    ] = None
    price_source: Annotated[
        Annotated[str, Field(min_length=1, max_length=512)] | None,
        says(
            "Where the price can be looked up again: a link, or a contract in words. Reports show it beside the price; nothing is read there.",
            example="https://aws.amazon.com/ec2/pricing/on-demand/, us-east-1",
        ),
    ] = None
