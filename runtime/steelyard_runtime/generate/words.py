"""vLLM's arguments as they travel: `--name` or `--name=value`, each one word, from an allow-list.

The operator renders them from typed fields and its own list; they are held against this list again, because an argument such as
trust-remote-code in a stored artifact would run whatever the model's author wrote.
"""

import re
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
_NAME = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_NUMBER = "-?[0-9]{1,9}([.][0-9]{1,9})?"


def _object(*members: str) -> str:
    """A JSON object of these members, in any order."""
    member = f"({'|'.join(members)})"
    return f"[{{] *{member}( *, *{member})* *[}}]"


VALUES = {
    "--block-size": "[0-9]{1,4}",
    "--chat-template-content-format": "auto|string|openai",
    "--generation-config": "auto|vllm",
    "--limit-mm-per-prompt": _object('"(image|video|audio)": *[0-9]{1,4}'),
    "--max-logprobs": "-1|[0-9]{1,6}",
    "--override-generation-config": _object(f'"[a-z_]{{1,40}}": *({_NUMBER}|true|false|null)'),
    "--reasoning-parser": _NAME,
    "--scheduling-policy": "fcfs|priority",
    "--seed": "[0-9]{1,10}",
    "--served-model-name": "[A-Za-z0-9][A-Za-z0-9._/-]{0,255}",
    "--speculative-config": _object(
        '"method": *"(ngram|suffix|[a-z0-9_]{0,32}mtp)"', '"(num_speculative_tokens|prompt_lookup_max|prompt_lookup_min)": *[0-9]{1,4}'
    ),
    "--structured-outputs-config": _object(
        '"backend": *"(auto|xgrammar|guidance|outlines|lm-format-enforcer)"',
        '"(disable_fallback|disable_any_whitespace|disable_additional_properties|enable_in_reasoning)": *(true|false)',
    ),
    "--tokenizer-mode": "auto|hf|slow|mistral",
    "--tool-call-parser": _NAME,
}
"""What each may be set to, as an expression for the whole value: no path, no URL, and no other model (operator/steelyard/api/vllm_argument.py)."""


def read(words: Iterable[str], allowed: frozenset[str]) -> Mapping[str, str]:
    """Return name -> value ("" for a switch); raises `Failure` (UnsupportedOption) for a name that is not allowed or given twice."""
    found: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in allowed:
            raise user_failure(Reason.UNSUPPORTED_OPTION, f"vLLM is not given {name!r} here; it is given: {', '.join(sorted(allowed))}")
        if name in found:
            raise user_failure(Reason.UNSUPPORTED_OPTION, f"vLLM's argument {name} is given twice; give it once")
        if value and not re.fullmatch(VALUES.get(name, _NUMBER), value):
            raise user_failure(
                Reason.UNSUPPORTED_OPTION, f"vLLM's argument {name} is not set to {value[:100]!r} here: no path, URL or model is"
            )
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
