"""vLLM's arguments as words: what shapes its compiled graphs is part of the compile key, what one server does with them of the revision.

The runtime holds both against the same two lists again (steelyard_runtime/generate/words.py).
"""

from __future__ import annotations

from steelyard.core.facts.snapshot import VllmOptions
from steelyard.core.vocabulary.task import TEXT, generates

SHAPING = frozenset({"block-size", "enable-chunked-prefill", "speculative-config"})
"""Of the further arguments: those that another compile follows from."""


def compiled_words(options: VllmOptions, task: str = TEXT) -> tuple[str, ...]:
    """For the compile key, sorted. Defaults of vLLM are not written out: the toolchain's version fixes them. task: empty for generated text."""
    sizes = {
        "--max-model-len": options.max_model_length,
        "--max-num-seqs": options.max_sequences,
        "--max-num-batched-tokens": options.max_batched_tokens,
    }
    # Of models that pool not all can keep prefixes, and vLLM knows which.
    kept = ("--enable-prefix-caching",) if generates(task) else ()
    caching = kept if options.prefix_caching else ("--no-enable-prefix-caching",)
    further = [_word(name, value) for name, value in options.arguments if name in SHAPING]
    return tuple(sorted([*(f"{name}={size}" for name, size in sizes.items() if size is not None), *caching, *further]))


def served_words(options: VllmOptions) -> tuple[str, ...]:
    """For the revision, sorted."""
    further = [_word(name, value) for name, value in options.arguments if name not in SHAPING]
    return tuple(sorted([f"--gpu-memory-utilization={options.memory_percent / 100:.2f}", *further]))


def _word(name: str, value: str | None) -> str:
    return f"--{name}" if value is None else f"--{name}={value}"
