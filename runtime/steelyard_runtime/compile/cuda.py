"""CUDA targets: `sm_<compute capability>`, as NVIDIA's compilers name them, and the devices that this process was given.

Never run on a device: it follows PyTorch's documentation, and `tests/contract` holds it to that.
"""

import re

from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure

Capability = tuple[int, int]
"""Major and minor: (9, 0) is sm_90, (12, 0) is sm_120."""
BFLOAT16_SINCE: Capability = (8, 0)
"""The first generation that computes in bfloat16 itself; what is older only imitates it, slowly."""


def capability_of(target: str) -> Capability | None:
    """Return the compute capability that a target names, or None for a target of another family."""
    found = re.fullmatch(r"sm_(\d{1,2})(\d)", target)
    return (int(found[1]), int(found[2])) if found else None


def dtypes_of(capability: Capability) -> dict[str, str]:
    """Return torch's word for each dtype that a device of this capability computes in. The default is the half of float32 it is built for."""
    if capability >= BFLOAT16_SINCE:
        return {"default": "bfloat16", "float32": "float32", "bfloat16": "bfloat16", "float16": "float16"}
    return {"default": "float16", "float32": "float32", "float16": "float16"}


def require_devices(target: str, capability: Capability) -> int:
    """Return how many devices there are, all of this capability. What a node lacks another may have: these failures are tried again."""
    if installed("torch") is None:
        raise user_failure(
            Reason.UNSUPPORTED_TARGET, f"torch is not installed in this image, and {target} needs it; use the image runtime-cuda"
        )
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415

    if not torch.cuda.is_available():
        raise infrastructure_failure(
            Reason.UNSUPPORTED_TARGET,
            f"torch finds no CUDA device here, and {target} is compiled and run on one; a pool must ask for its device"
            " (spec.accelerator.resourceName), the toolchain for compiles on it (compileNeedsDevice: true), and the node needs NVIDIA's driver"
            " and device plugin",
        )
    # Machine code runs on devices of its own generation that are not older, and torch brings much that is compiled already.
    built_for = torch.cuda.get_arch_list()
    if not any(own[0] == capability[0] and own[1] <= capability[1] for own in filter(None, map(capability_of, built_for))):
        raise user_failure(
            Reason.UNSUPPORTED_TARGET,
            f"torch of this image has no code for {target}; it has: {', '.join(built_for)}. Use an image with another torch",
        )
    count: int = torch.cuda.device_count()
    found = {index: torch.cuda.get_device_capability(index) for index in range(count)}
    for index, seen in found.items():
        if seen != capability:
            raise infrastructure_failure(
                Reason.UNSUPPORTED_TARGET,
                f"device {index} of this pod is sm_{seen[0]}{seen[1]} ({torch.cuda.get_device_name(index)}), the target is {target};"
                " one pool has one accelerator, and the toolchain's target must be its own",
            )
    return count
