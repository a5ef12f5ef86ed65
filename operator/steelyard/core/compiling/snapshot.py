"""What is known of one CompiledModel when it is decided what its compile does next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from steelyard.core.compiling.attempt import Attempts, Built, Failure, JobOutcome, NoJob, Running
from steelyard.core.compiling.corrupt import Refused
from steelyard.core.compiling.site import User
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
    `jobs_on_pools` and `jobs_elsewhere` count the compile Jobs of the installation that run on a pool's device and on general nodes.
    `users` are the workloads that use it, each with the pools as it sees them; they may be left out where `needs_users` is False.
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
    told: str | None = None
    job: CompileJob | None = None
    taken_name: str | None = None
    jobs_on_pools: int = 0
    jobs_elsewhere: int = 0
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
    def needs_users(self) -> bool:
        """Whether it matters who uses it: for the pools to compile on, and before what has failed is tried again."""
        return self.needs_device or self.attempts.failure is not None

    @property
    def outcome(self) -> JobOutcome:
        """What became of the present attempt."""
        if self.job is None:
            return NoJob()
        return self.job.built or self.job.failure or Running()

    @property
    def slots_taken(self) -> int:
        """Compile Jobs that run on nodes of the kind that this one needs. Counted apart: a Job that waits for a device must not hold up
        those that need none."""
        return self.jobs_on_pools if self.needs_device else self.jobs_elsewhere
