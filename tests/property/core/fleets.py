"""Nodes with pods on them, as the ledger sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from steelyard.core.economics.ledger import Account, Component, NodeFact, PodFact
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from unit.core.world import START

seconds = st.integers(0, 7200)
resources = st.builds(Resources, st.floats(0, 8), st.floats(0, 64), st.sampled_from([0.0, 0.25, 1.0, 2.0]))
pods = st.builds(
    lambda i, workload, component, res, since, lasts: PodFact(
        uid=f"pod-{i}",
        account=Account("" if component in {Component.SHARED, Component.OTHERS} else workload, "p", component),
        resources=res,
        since=START + timedelta(seconds=since),
        until=None if lasts is None else START + timedelta(seconds=since + lasts),
    ),
    st.integers(0, 50),
    st.sampled_from(["ns/a", "ns/b"]),
    st.sampled_from([Component.ALLOCATED, Component.TRANSITION, Component.TRIAL, Component.SHARED, Component.OTHERS]),
    resources,
    seconds,
    st.none() | seconds,
)
prices = st.builds(Price, st.floats(0.001, 500), st.sampled_from(PriceClass), st.none())
nodes = st.builds(
    lambda i, price, launched, ready, lasts, found: NodeFact(
        uid=f"node-{i}",
        pool=f"pool-{i % 2}",
        allocatable=Resources(8.0, 32.0, 1.0),
        price=price,
        launched=START + timedelta(seconds=launched),
        ready=None if ready is None else START + timedelta(seconds=launched + ready),
        terminated=None if lasts is None else START + timedelta(seconds=launched + lasts),
        pods=tuple(replace(p, account=p.account._replace(pool=f"pool-{i % 2}")) for p in {p.uid: p for p in found}.values()),
    ),
    st.integers(0, 5),
    st.none() | prices,
    seconds,
    st.none() | seconds,
    st.none() | seconds,
    st.lists(pods, max_size=4),
)
fleets = st.lists(nodes, max_size=4, unique_by=lambda n: n.uid).map(tuple)
