"""Whether a compile can fit the memory that its container may use: a kernel that kills it tells nobody why."""

from pathlib import Path

from steelyard_runtime.failure import Failure, FailureClass, Reason

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of control groups version 2 and 1, as a container sees its own."""
UNBOUNDED = 1 << 60
"""Version 1 tells a very large number where there is no limit."""
GIB = 1 << 30
COPIES = 2
"""Of the weights in float32, at least: the reference, and what is compared with it."""
TORCH = ("DefaultCPUAllocator: can't allocate memory", "DefaultCPUAllocator: not enough memory")
"""How its allocator says it on Linux, and elsewhere."""


def limit(files: tuple[Path, ...] = LIMITS) -> int | None:
    """Bytes that this container may use; None without a limit."""
    for file in files:
        try:
            value = int(file.read_text())
        except (OSError, ValueError):  # not there, or "max"
            continue
        return value if value < UNBOUNDED else None
    return None


def in_float32(parameters: int) -> tuple[int, str]:
    """Bytes of so many parameters where a model is traced and compared, and what they are."""
    return COPIES * 4 * parameters, f"{parameters:,} parameters {COPIES} times in float32"


def require_memory(needed: int, why: str, bytes_allowed: int | None) -> None:
    """Refuse a model that cannot fit. It may still not fit when this passes: how much more a compiler takes is known to nobody before."""
    if bytes_allowed is not None and needed > bytes_allowed:
        raise Failure(
            FailureClass.OUT_OF_MEMORY,
            Reason.OUT_OF_MEMORY,
            f"the model takes {needed / GIB:.1f} GiB at least ({why}), and this container may use"
            f" {bytes_allowed / GIB:.1f} GiB; it is tried again with twice as much, or raise spec.compile.resources of the workload",
        )


def out_of_memory(error: BaseException) -> bool:
    """Whether it says so: Python's own, or torch's allocator (c10/core/impl/alloc_cpu.cpp)."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(words in str(error) for words in TORCH))
