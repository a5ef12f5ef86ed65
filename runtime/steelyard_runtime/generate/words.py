"""vLLM's arguments as they travel: `--name` or `--name=value`, each one word, from an allow-list.

The operator renders them from typed fields and its own list; they are held against this list again, because an argument such as
trust-remote-code in a stored artifact would run whatever the model's author wrote.
"""

from collections.abc import Iterable, Mapping

from steelyard_runtime.failure import Reason, user_failure

COMPILED = frozenset(
    {
        "--block-size",
        "--enable-chunked-prefill",
        "--no-enable-chunked-prefill",
        "--enable-prefix-caching",
        "--no-enable-prefix-caching",
        "--max-model-len",
        "--max-num-batched-tokens",
        "--max-num-seqs",
        "--speculative-config",
    }
)
"""What the shapes of compiled graphs follow: part of the compile key, as `flags`."""
SERVED = frozenset(
    {
        "--chat-template-content-format",
        "--enable-auto-tool-choice",
        "--enable-sleep-mode",
        "--generation-config",
        "--gpu-memory-utilization",
        "--limit-mm-per-prompt",
        "--max-logprobs",
        "--override-generation-config",
        "--reasoning-parser",
        "--scheduling-policy",
        "--seed",
        "--served-model-name",
        "--structured-outputs-config",
        "--tokenizer-mode",
        "--tool-call-parser",
    }
)
"""What one server does with the same artifact: part of the revision."""


def read(words: Iterable[str], allowed: frozenset[str]) -> Mapping[str, str]:
    """Return name -> value ("" for a switch); raises `Failure` (UnsupportedOption) for a name that is not allowed or given twice."""
    found: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in allowed:
            raise user_failure(Reason.UNSUPPORTED_OPTION, f"vLLM is not given {name!r} here; it is given: {', '.join(sorted(allowed))}")
        if name in found:
            raise user_failure(Reason.UNSUPPORTED_OPTION, f"vLLM's argument {name} is given twice; give it once")
        found[name] = value
    return found


def number(words: Mapping[str, str], name: str) -> int | None:
    """Return a positive whole number among the arguments, or None where it is not given."""
    if name not in words:
        return None
    text = words[name]
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise user_failure(Reason.UNSUPPORTED_OPTION, f"{name}={text!r} is no positive whole number")
    return int(text)
