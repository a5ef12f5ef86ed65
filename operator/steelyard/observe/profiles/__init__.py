"""What known servers tell, by the API's word for each, and how a page that is described becomes a contract."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.observe.contract import STEELYARD, Contract
from steelyard.observe.named_metrics import Named, NamedMetrics
from steelyard.observe.profiles.mlserver import MLSERVER
from steelyard.observe.profiles.ovms import OVMS
from steelyard.observe.profiles.profile import Profile
from steelyard.observe.profiles.sglang import SGLANG
from steelyard.observe.profiles.tei import TEI
from steelyard.observe.profiles.tgi import TGI
from steelyard.observe.profiles.trtllm import TRTLLM
from steelyard.observe.profiles.vllm import VLLM

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {"vllm": VLLM, "sglang": SGLANG, "trtllm": TRTLLM, "tgi": TGI, "tei": TEI, "ovms": OVMS, "mlserver": MLSERVER}
)
METRICS = "/metrics"


@lru_cache(maxsize=1024)
def contract_of(page: ServerPage | None) -> Contract:
    """None: Steelyard's own server. The same object for the same page: of all replicas one."""
    if page is None:
        return STEELYARD
    if page.names is not None:
        return _by_names(page.names, page.promises, page.path or METRICS)
    return PROFILES[page.profile].metrics(page.promises, page.path)


def port_of(page: ServerPage) -> int:
    """The port of such a page."""
    if page.port is not None:
        return page.port
    return PROFILES[page.profile].port


def _by_names(names: PageNames, promises: tuple[tuple[str, float], ...], path: str) -> NamedMetrics:
    times = (("e2e", names.whole), ("ttft", names.first), ("itl", names.between))
    return NamedMetrics(
        answered=(Named(names.requests),),
        failed=() if names.errors is None else (Named(names.errors),),
        status_label=names.status_label,
        times=tuple((metric, (Named(name),)) for metric, name in times if name is not None),
        promises=promises,
        per_second=names.per_second,
        path=path,
    )
