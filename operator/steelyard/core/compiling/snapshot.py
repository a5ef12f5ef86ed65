"""What is known of one CompiledModel when it is decided what its compile does next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from steelyard.core.compiling.attempt import Attempts, Built, Failure, JobOutcome, NoJob, Running
from steelyard.core.compiling.corrupt import Refused
from steelyard.core.compiling.queue import CompileQueue, Waiter
from steelyard.core.compiling.site import User
from steelyard.core.facts.resources import CompileResources
from steelyard.core.facts.snapshot import RefusedWrite, Settings, Toolchain
from steelyard.core.vocabulary.reason import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileJob:
    """The Job of the present attempt. `built` or `failure` is given once it has ended; `waits` is what keeps its pod from running."""

    started: datetime | None = None
    built: Built | None = None
    failure: Failure | None = None
    waits: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileSnapshot:
    """Everything that `decide_compile` may look at for one CompiledModel.

    `key`, `backend`, `target` and `versions` are what is compiled, as its spec has them; `attempts` is what its status remembers, and
    `told` the reason that its Ready condition gives. `taken_name` names the Job of the present attempt where another object owns it.
    `queue` is that of the nodes it needs, those of pools with a device or general ones: a Job that waits for a device must not hold up those
    that need none. `asked_since` is when it first asked for a place there, None where it has not yet.
    `resources` are what its spec asks for, None where it leaves that to the configuration.
    `users` are the workloads that use it, each with the pools as it sees them. They may be left out where `needs_users` is False, and the
    queue where `needs_place` is.
    `refusals` are the last words of pods that did not get an artifact, and `refused_write` is a Job that the API server does not take.
    """

    namespace: str
    name: str
    key: str
    backend: str
    target: str
    versions: Mapping[str, str]
    attempts: Attempts
    settings: Settings
    resources: CompileResources | None = None
    told: str | None = None
    job: CompileJob | None = None
    taken_name: str | None = None
    queue: CompileQueue = field(default_factory=CompileQueue)
    asked_since: datetime | None = None
    users: tuple[User, ...] = ()
    refusals: tuple[Refused, ...] = ()
    refused_write: RefusedWrite | None = None

    @property
    def toolchain(self) -> Toolchain | None:
        """What compiles it; None where the installation has nothing for its back end any more."""
        return self.settings.toolchain_of(self.backend, self.target, self.versions)

    @property
    def needs_device(self) -> bool:
        """Whether the compile takes a device of a pool."""
        return self.toolchain is not None and self.toolchain.compile_needs_device

    @property
    def needs_place(self) -> bool:
        """Whether a Job may have to be made for it in this pass."""
        return not (self.attempts.open and self.job is not None) and (self.attempts.built is None or bool(self.refusals))

    @property
    def needs_users(self) -> bool:
        """Whether it matters who uses it: for the pools to compile on, and before what has failed is tried again."""
        return self.needs_device or self.attempts.failure is not None

    @property
    def outcome(self) -> JobOutcome:
        """What became of the present attempt."""
        if self.job is None:
            return NoJob()
        return self.job.built or self.job.failure or Running()

    def has_turn(self, now: datetime) -> bool:
        """Whether it gets a place, were it to ask for one."""
        return self.queue.admits(Waiter(self.asked_since or now, self.namespace, self.name), self.settings.compile_jobs_at_once)
