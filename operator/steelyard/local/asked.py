"""What a trial here is asked for, and the facts that the core is told of it: variants are pools of one node, which is this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import (
    Artifact,
    CompileOptions,
    LatencyObjective,
    Model,
    Pool,
    Rebalancing,
    Scaling,
    Settings,
    Shape,
    Snapshot,
    Toolchain,
    Workload,
)
from steelyard.core.facts.trial import AskedLoad, PoolClaim, Trial
from steelyard.core.trials.sent import beside, least_beside
from steelyard.local.machine import Machine
from steelyard.local.variant import Variant
from steelyard.render import runtime_word

NAMESPACE = "local"
THIS = "this machine"
SHAPES = (32, 64, 128)
"""Tokens that are compiled for, where requests are no longer."""
START, COMPILE = 900, 3600
"""Seconds for the servers to start, and for the compile of each variant: the trial ends by itself, as any other does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`prices`: money an hour of what one server runs on, by variant; one that is not there is not known. `seconds`: of load on each. `longest`:
    tokens of a request at most, where somebody says."""

    name: str
    model: Model
    variants: tuple[Variant, ...]
    objective: LatencyObjective
    load: AskedLoad
    seconds: int
    length_factors: tuple[float, ...] = ()
    """Times all lengths, at which the variants are measured as well."""
    longest: int | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    currency: str = "USD"
    claims: tuple[PoolClaim, ...] = ()

    @property
    def pools(self) -> tuple[str, ...]:
        """In the order in which they were typed."""
        return tuple(each.name for each in self.variants)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens that are compiled for: doubled until the longest request fits."""
        found = [*SHAPES]
        while self.longest is not None and found[-1] < self.longest:
            found.append(2 * found[-1])
        return tuple(found)

    @property
    def load_seconds(self) -> int:
        """Of all load on one of them."""
        return self.seconds + beside(self.seconds, len(self.length_factors), least_beside(self.workload()))

    def trial(self, created: datetime) -> Trial:
        """Nothing is bought for it."""
        many = len(self.variants)
        return Trial(
            key=WorkloadKey(NAMESPACE, self.name),
            uid=self.name,
            generation=1,
            created=created,
            workload=self.name,
            pools=self.pools,
            budget=None,
            deadline_seconds=START + many * (COMPILE + 2 * self.load_seconds),
            duration_seconds=self.seconds,
            load=self.load,
            length_factors=self.length_factors,
            claims=self.claims,
        )

    def workload(self) -> Workload:
        """That would have this model and promise."""
        formats = {each.name: (runtime_word.dtype(each.dtype), runtime_word.quantization(each.quantization)) for each in self.variants}
        return Workload(
            key=WorkloadKey(NAMESPACE, self.name),
            uid=self.name,
            generation=1,
            model=self.model,
            compile=CompileOptions(),
            compile_by_family={
                name: CompileOptions(dtype=dtype, quantization=quantization, sequence_lengths=self.lengths)
                for name, (dtype, quantization) in formats.items()
            },
            latency=(self.objective,),
            scaling=Scaling(),
            rebalancing=Rebalancing(),
        )

    def snapshot(self, settings: Settings, machine: Machine, artifacts: Mapping[str, Artifact], now: datetime) -> Snapshot:
        """As of now. artifacts: by compile key."""
        whole = Resources(cpu=float(machine.threads), memory_gib=machine.memory_gib)
        return Snapshot(
            workload=self.workload(),
            pools=tuple(self._pool(each, whole, now) for each in self.variants),
            settings=settings,
            artifacts=artifacts,
            placements=(),
            traffic={},
            memory=Memory(),
        )

    def _pool(self, variant: Variant, whole: Resources, now: datetime) -> Pool:
        price = self.prices.get(variant.name)
        paid = None if price is None else Price(price, PriceClass.STATIC, now)
        return Pool(
            name=variant.name,
            # Number formats are by family.
            family=variant.name,
            resource_name=None,
            backends=(variant.backend,),
            node_selector={},
            # A server has what the price is for.
            shapes=(Shape(instance_type=THIS, resources=whole, price=paid, standing=1),),
            max_nodes=1,
            nodes=1,
            default_resources=whole,
        )


def settings_of(asked: Asked, toolchains: Mapping[str, Toolchain], store: str) -> Settings:
    """store: the address of the folder of artifacts."""
    return Settings(toolchains=toolchains, store_uri=store, currency=asked.currency)
