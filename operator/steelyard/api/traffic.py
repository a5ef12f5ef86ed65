"""Where requests come in: through a weighted route of the Gateway API, or through one Service."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Pattern
from steelyard.api.text import ObjectName

SectionName = Annotated[
    str,
    Field(max_length=253),
    Pattern("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "must be the name of a listener of the Gateway, in lower case"),
]


class ParentRef(SpecModel):
    """One Gateway of the same namespace."""

    name: Annotated[
        ObjectName, says("The name of a Gateway in the workload's own namespace; other namespaces cannot be named.", example="public")
    ]
    section_name: Annotated[
        SectionName | None,
        says("The listener of the Gateway to attach to. Left out, the route attaches to every listener that admits it.", example="https"),
    ] = None
    port: Annotated[
        Annotated[int, says("", low=1, high=65_535)] | None,
        says(
            "The port of the Gateway to attach to, for a Gateway with several listeners. Left out, every port that admits the route.",
            unit="port number",
            example=443,
        ),
    ] = None


class Traffic(SpecModel):
    """How requests reach the replicas."""

    parent_refs: Annotated[
        tuple[ParentRef, ...],
        says(
            "The Gateways for a weighted route over the pools. Not read by this version: one Service gives each ready replica about an equal share.",
            most=4,
            keys=("name",),
        ),
    ] = ()
