"""A pool that nobody wrote: the nodes of one instance type under a server that exists already, at the list price of the catalogue."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from steelyard.core.catalogue.catalogue import Catalogue
from steelyard.core.catalogue.instance_type import InstanceType
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Shape

CPU = "cpu"
UNKNOWN = "unknown"
"""Family of devices that the catalogue does not know, and type of nodes that tell none."""
LONGEST = 20
"""Characters of a pool's name."""
INSTANCE_TYPE = "node.kubernetes.io/instance-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One node: CPU and memory of all of it, and what else it hands out, by name of the resource."""

    size: Resources
    devices: Mapping[str, float]


def pool_name(instance_type: str, *, spot: bool, taken: Container[str] = ()) -> str:
    """What the pool is called: the instance type as a name may be written, with a hash in place of what is too long or taken."""
    whole = f"{instance_type or UNKNOWN}{'-spot' if spot else ''}"
    name = re.sub(r"[^a-z0-9]+", "-", whole.lower()).strip("-")
    if len(name) <= LONGEST and re.match("[a-z]", name) and name not in taken:
        return name
    return f"{name[: LONGEST - 7].strip('-') if re.match('[a-z]', name) else 'type'}-{hashlib.sha256(whole.encode()).hexdigest()[:6]}"


def made_pool(
    instance_type: str, nodes: Sequence[Offer], asked: frozenset[str], catalogue: Catalogue, currency: str, *, spot: bool
) -> Pool:
    """instance_type: empty where nodes tell none. nodes: those that it has, at least one. asked: devices that replicas ask for."""
    known = catalogue.instance_types.get(instance_type)
    device = catalogue.accelerators.get(known.accelerator) if known is not None else None
    offered = {name for node in nodes for name in node.devices}
    own = {device.resource_name} & offered if device is not None else set()
    resource = min(own or asked & offered, default=None)
    first = nodes[0]
    size = replace(first.size, devices=first.devices.get(resource, 0.0) if resource is not None else 0.0)
    return Pool(
        name=pool_name(instance_type, spot=spot),
        family=CPU if resource is None else device.family if device is not None else UNKNOWN,
        accelerator=device.name if device is not None and resource is not None else "",
        resource_name=resource,
        backends=(),
        node_selector={INSTANCE_TYPE: instance_type} if instance_type else {},
        shapes=(_shape(instance_type, known, size, None if spot else currency, len(nodes)),),
        spot=spot,
        nodes=len(nodes),
        made=True,
    )


def made_without_price(pool: Pool) -> str:
    """Why what its nodes cost is not known, and what to add."""
    kind = pool.node_selector.get(INSTANCE_TYPE)
    if kind is None:
        return f"the nodes have no label {INSTANCE_TYPE}, so that nobody knows what they cost: create an AcceleratorPool that selects them"
    if pool.spot:
        return f"what spot nodes of type {kind} cost is not known: create an AcceleratorPool that selects them, with the price that you pay"
    return (
        f"the catalogue has no price of {kind} in this currency, and no AcceleratorPool selects these nodes: "
        "create one with the price of a node, or add the type to config.catalogue"
    )


def old_list_price(price: Price) -> str:
    """What to do about a list price that is too old, or of a day to come."""
    day = f"{price.as_of:%Y-%m-%d}" if price.as_of is not None else "an unknown day"
    return (
        f"the catalogue's list price is of {day}, which is too long ago, or yet to come: "
        "create an AcceleratorPool with the price that you pay, or add the type to config.catalogue"
    )


def _shape(instance_type: str, known: InstanceType | None, node: Resources, currency: str | None, standing: int) -> Shape:
    """currency: None where no list price is of these nodes."""
    listed = known.price if known is not None and known.price is not None and known.price.currency == currency else None
    price = None
    if listed is not None:
        day = datetime(listed.date.year, listed.date.month, listed.date.day, tzinfo=UTC)
        price = Price(float(listed.per_hour), PriceClass.LIST, day)
    return Shape(instance_type=instance_type or UNKNOWN, resources=node, price=price, standing=standing)
