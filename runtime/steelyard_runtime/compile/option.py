"""Options that a back end cannot honour are refused, never ignored: they are part of the key."""

from collections.abc import Collection, Sequence

from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.tasks.registry import TASKS


def require_options(
    spec: CompileSpec,
    *,
    dtypes: Sequence[str],
    quantizations: Sequence[str] = ("none",),
    flags: Sequence[str] = (),
    tasks: Collection[str] = TASKS,
) -> None:
    """Refuse a task, dtype, quantisation, parallelism or flag that no file in this folder knows what to do with."""
    wrong = (
        ("model.task", spec.task, spec.task in tasks, ", ".join(tasks)),
        ("dtype", spec.dtype, spec.dtype in dtypes, ", ".join(dtypes)),
        ("quantization", spec.quantization, spec.quantization in quantizations, ", ".join(quantizations)),
        ("tensorParallel", spec.tensor_parallel, spec.tensor_parallel == 1, "1"),
        ("flags", list(spec.flags), set(spec.flags) <= set(flags), ", ".join(flags) or "none"),
    )
    for field, seen, allowed, known in wrong:
        if not allowed:
            raise user_failure(Reason.UNSUPPORTED_OPTION, f"back end {spec.backend} cannot honour {field} {seen!r}; it knows: {known}")
