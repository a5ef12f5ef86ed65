"""CPU targets: `cpu/<architecture>[-v<level>]`, by the names of the x86-64 psABI."""

import platform
from pathlib import Path

from steelyard_runtime.failure import Reason, user_failure

LEVELS = {
    "x86-64-v3": frozenset({"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}),
    "x86-64-v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
}
"""Flags of /proc/cpuinfo that each level needs (v4 includes v3)."""

ARCHITECTURES = {"x86-64": "x86_64", "x86-64-v3": "x86_64", "x86-64-v4": "x86_64", "aarch64": "aarch64"}


def own_isa() -> str:
    """The lowest instruction set of this machine, as targets call it."""
    here = platform.machine()
    return next((isa for isa, machine in ARCHITECTURES.items() if machine == here), here)


LEAST = {("inductor", "x86-64"): "-v3"}
"""Of the instruction set, where a back end builds for one and the lowest shows nothing."""


def own_target(backend: str) -> str:
    """What a back end builds for on this machine, where nobody says more."""
    isa = own_isa()
    return f"cpu/{isa}{LEAST.get((backend, isa), '')}"


def require_cpu(target: str, backend: str) -> str:
    """Return the instruction set of a CPU target, or refuse what is none of them, or not of this machine's architecture."""
    family, _, isa = target.partition("/")
    if family != "cpu" or isa not in ARCHITECTURES:
        known = ", ".join(f"cpu/{name}" for name in ARCHITECTURES)
        raise user_failure(Reason.UNSUPPORTED_TARGET, f"back end {backend} does not build for {target!r}; it builds for: {known}")
    if ARCHITECTURES[isa] != platform.machine():
        raise user_failure(
            Reason.UNSUPPORTED_TARGET,
            f"{target} cannot be compiled or run on this machine ({platform.machine()}); use a node of that architecture",
        )
    return isa


def require_isa(isa: str, what: str) -> None:
    """Refuse when this machine lacks instructions that a level needs: running there would end in SIGILL."""
    needed = LEVELS.get(isa, frozenset())
    if isa == "x86-64-v4":
        needed = needed | LEVELS["x86-64-v3"]
    missing = sorted(needed - _cpu_flags()) if needed else []
    if missing:
        raise user_failure(Reason.UNSUPPORTED_TARGET, f"this machine lacks {', '.join(missing)}, which {what} needs; use a node with {isa}")


def _cpu_flags() -> frozenset[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()
