"""Invariant I10."""

from __future__ import annotations

from property.simulate.laws.look import Look
from property.simulate.stage import orders
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.vocabulary.condition import ConditionType
from steelyard.core.vocabulary.reading import Fresh, Reading, Stale, Unknown
from steelyard.core.vocabulary.reason import SETTLED


def a_lost_input_changes_nothing(look: Look) -> None:
    """I10: Loss of any single input (metrics, price, artifact store, the view of the cluster, a person's word) leads to no voluntary change
    and to a condition that names the input."""
    unread_metrics(look)
    unknown_price(look)
    lost_artifact(look)
    decision, snapshot = look.decision, look.snapshot
    if not snapshot.synced:
        assert not orders(decision.intent), f"I10: changed on half a view: {look}"
        assert decision.memory == snapshot.memory, f"I10: forgot on half a view: {look}"
    if snapshot.settings.frozen or snapshot.workload.rebalancing.paused:
        assert look.begun is None, f"I10: begun though a person said stop: {look}"


def unread_metrics(look: Look) -> None:
    """Of anything that serves: no move begins, no serving replica goes but a trial's, and Observed says which pool."""
    unread = [p for p in look.snapshot.placements if p.ready and not isinstance(look.snapshot.traffic.get(p.key), Fresh)]
    if not unread or not look.snapshot.synced:
        return
    assert look.begun is None, f"I10: begun while {[p.key for p in unread]} was not read: {look}"
    move = look.snapshot.memory.move
    target = None if move is None else (move.target.pool, move.target.revision)
    fewer = [key for key, count in look.before.items() if look.after.get(key, 0) < count and key != target]
    assert not fewer, f"I10: {fewer} lost replicas while {[p.key for p in unread]} was not read: {look}"
    observed = next(c for c in look.decision.conditions if c.type is ConditionType.OBSERVED)
    assert observed.status is False, f"I10: Observed does not tell: {look}"
    whys = {why(look.snapshot.traffic.get(p.key)) or p.key.pool for p in unread}
    assert any(each in observed.message for each in whys), f"I10: {observed.message} is none of {whys}: {look}"


def why(reading: Reading[Traffic] | None) -> str:
    """What is wrong with the input."""
    return reading.why if isinstance(reading, Stale | Unknown) else ""


def unknown_price(look: Look) -> None:
    """Of an end of the move: it does not begin. Of a pool that holds the load: nobody says that it is the cheapest."""
    dark = {p.name for p in look.snapshot.pools if all(s.price is None for s in p.shapes)}
    move = look.voluntary
    assert move is None or not dark & {move.source.pool, move.target.pool}, f"I10: begun without a price: {look}"
    if look.decision.reason in SETTLED:
        unpriced = sorted({key.pool for key in look.decision.memory.allocation} & dark)
        assert not unpriced, f"I10: {unpriced} have no price and are said to be right: {look}"
    if look.decision.reason.value == "PriceSuspect":
        named = [c for c in look.decision.conditions if c.status is not False and any(f"pool {pool}" in c.message for pool in dark)]
        assert named or not dark, f"I10: no condition names one of {dark}: {look}"


def lost_artifact(look: Look) -> None:
    """Of a pool: nothing is made there, and Compiled names it."""
    lost = look.stage.lost_artifacts & {p.name for p in look.snapshot.pools if p.selected}
    if not lost:
        return
    made = {c.key.pool for c in look.decision.intent.create}
    assert not made & lost, f"I10: made without an artifact: {look}"
    compiled = next(c for c in look.decision.conditions if c.type is ConditionType.COMPILED)
    assert compiled.status is False, f"I10: Compiled does not tell: {look}"
    assert any(pool in compiled.message for pool in lost), f"I10: {compiled.message} names none of {lost}: {look}"
