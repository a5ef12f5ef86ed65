"""What known servers tell, by the API's word for each, and how a page that is described becomes a contract."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import lru_cache
from glob import escape
from types import MappingProxyType

from steelyard.api.metrics_page import Profile as Word
from steelyard.core.facts.server_page import LabelValues, PageNames, ServerPage
from steelyard.observe.backend import contract_at_a_gateway
from steelyard.observe.contract import STEELYARD, Contract
from steelyard.observe.named_metrics import Named, NamedMetrics
from steelyard.observe.profiles.profile import Profile, shipped

PROFILES: Mapping[str, Profile] = MappingProxyType({str(word): shipped(word) for word in Word})
METRICS = "/metrics"
ANYBODYS = frozenset({"http_requests_total"})
"""Counters that libraries make for whatever server uses them: they tell none."""


@lru_cache(maxsize=1024)
def contract_of(page: ServerPage | None) -> Contract:
    """None: Steelyard's own server. The same object for the same page: of all replicas one."""
    if page is None:
        return STEELYARD
    if page.at_gateway:
        # Of its requests the page proves that it is read, and judges none.
        page = replace(page, promises=(), allowed=())
    if page.names is not None:
        return _by_names(page.names, page)
    return PROFILES[page.profile].metrics(page.promises, page.path, page.allowed)


@lru_cache(maxsize=1024)
def contract_at_gateway(page: ServerPage) -> NamedMetrics | None:
    """By what a gateway tells, where it is to; None where the page does."""
    return contract_at_a_gateway(page.promises, page.allowed) if page.at_gateway else None


def port_of(page: ServerPage) -> int:
    """The port of such a page."""
    if page.port is not None:
        return page.port
    return PROFILES[page.profile].port


def profile_of(names: AbstractSet[str]) -> str | None:
    """The one profile whose counter a page with these metrics has; None where none or several have, or any server may have it."""
    found = [name for name, profile in PROFILES.items() if profile.answered[0].name in names - ANYBODYS]
    return found[0] if len(found) == 1 else None


def _by_names(names: PageNames, page: ServerPage) -> NamedMetrics:
    times = (("e2e", names.whole), ("ttft", names.first), ("itl", names.between))
    prompt, cached, output = (_meant(name, names.labels) for name in (names.prompt, names.cached, names.output))
    failed, refused = _meant(names.errors, names.labels, names.error_labels), _meant(names.refused, names.labels, names.refused_labels)
    return NamedMetrics(
        answered=(_named(names.requests, names.labels, names.request_labels),),
        failed=() if failed is None else (failed,),
        refused=() if refused is None else (refused,),
        status_label=names.status_label,
        times=tuple((metric, (_named(name, names.labels, names.histogram_labels),)) for metric, name in times if name is not None),
        promises=page.promises,
        allowed=page.allowed,
        per_second=names.per_second,
        tokens=None if prompt is None or output is None else (prompt, output),
        cached=cached,
        by_hand=True,
        path=page.path or METRICS,
    )


def _meant(name: str | None, *labels: LabelValues) -> Named | None:
    return None if name is None else _named(name, *labels)


def _named(name: str, *labels: LabelValues) -> Named:
    """Values are compared exactly: what would be a pattern in them is none."""
    return Named(name, tuple((label, tuple(map(escape, values))) for some in labels for label, values in some))
