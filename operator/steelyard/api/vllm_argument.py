"""vLLM's further arguments: which there are, and what each may be set to.

Nothing on the list loads code, opens a port, or names a path, a host or a model. Where vLLM takes a path or a hub id beside plain values, such
as for `generation-config`, only the plain values are allowed. The runtime holds words against the same list again (generate/words.py).
"""

import re
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Rule

VllmArgumentName = Literal[
    "block-size",
    "chat-template-content-format",
    "enable-auto-tool-choice",
    "enable-chunked-prefill",
    "enable-sleep-mode",
    "generation-config",
    "limit-mm-per-prompt",
    "max-logprobs",
    "override-generation-config",
    "reasoning-parser",
    "scheduling-policy",
    "seed",
    "served-model-name",
    "speculative-config",
    "structured-outputs-config",
    "tokenizer-mode",
    "tool-call-parser",
]

_NAME = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_NUMBER = "-?[0-9]{1,9}([.][0-9]{1,9})?"


def _object(*members: str) -> str:
    """A JSON object of these members, in any order."""
    member = f"({'|'.join(members)})"
    return f"[{{] *{member}( *, *{member})* *[}}]"


SWITCHES = ("enable-auto-tool-choice", "enable-chunked-prefill", "enable-sleep-mode")
"""These have no value."""
VALUES: dict[str, tuple[str, str]] = {
    "block-size": ("[0-9]{1,4}", "must have a whole number of tokens as value, such as 16"),
    "chat-template-content-format": ("auto|string|openai", "must have auto, string or openai as value"),
    "generation-config": ("auto|vllm", "must have auto or vllm as value: a folder with a configuration of its own is not read"),
    "limit-mm-per-prompt": (
        _object('"(image|video|audio)": *[0-9]{1,4}'),
        'must have a JSON object of whole numbers for image, video and audio as value, such as {"image": 2}',
    ),
    "max-logprobs": ("-1|[0-9]{1,6}", "must have a whole number as value, or -1 for no bound"),
    "override-generation-config": (
        _object(f'"[a-z_]{{1,40}}": *({_NUMBER}|true|false|null)'),
        'must have a flat JSON object of numbers and truth values as value, such as {"temperature": 0.6}',
    ),
    "reasoning-parser": (_NAME, "must have the name of a parser of vLLM as value, such as qwen3: no path is read"),
    "scheduling-policy": ("fcfs|priority", "must have fcfs or priority as value"),
    "seed": ("[0-9]{1,10}", "must have a whole number as value"),
    "served-model-name": ("[A-Za-z0-9][A-Za-z0-9._/-]{0,255}", "must have one name as value: letters, digits and . _ / - only"),
    "speculative-config": (
        _object(
            '"method": *"(ngram|suffix|[a-z0-9_]{0,32}mtp)"',
            '"(num_speculative_tokens|prompt_lookup_max|prompt_lookup_min)": *[0-9]{1,4}',
        ),
        "must have a JSON object of method (ngram, suffix or one that ends with mtp), num_speculative_tokens, prompt_lookup_max and "
        "prompt_lookup_min as value: a draft model is not loaded",
    ),
    "structured-outputs-config": (
        _object(
            '"backend": *"(auto|xgrammar|guidance|outlines|lm-format-enforcer)"',
            '"(disable_fallback|disable_any_whitespace|disable_additional_properties|enable_in_reasoning)": *(true|false)',
        ),
        'must have a JSON object of backend and its switches as value, such as {"backend": "xgrammar"}',
    ),
    "tokenizer-mode": ("auto|hf|slow|mistral", "must have auto, hf, slow or mistral as value"),
    "tool-call-parser": (_NAME, "must have the name of a parser of vLLM as value, such as hermes: no path is read"),
}
"""By argument: the whole of its value as an expression (RE2's part of Python's), and the rule in words."""


def _is_bare(argument: "VllmArgument") -> bool:
    return argument.name not in SWITCHES or argument.value is None


def _holds(name: str, pattern: str, argument: "VllmArgument") -> bool:
    return argument.name != name or (argument.value is not None and re.fullmatch(pattern, argument.value) is not None)


class VllmArgument(SpecModel):
    """One further argument of vLLM."""

    RULES = (
        Rule(
            f"!(self.name in {list(SWITCHES)}) || !has(self.value)",
            "must have no value: it is a switch",
            _is_bare,
            field="value",
        ),
        *(
            Rule(
                f"self.name != '{name}' || (has(self.value) && self.value.matches(r'^({pattern})$'))",
                must,
                partial(_holds, name, pattern),
                field="value",
            )
            for name, (pattern, must) in VALUES.items()
        ),
    )

    name: Annotated[
        VllmArgumentName,
        says(
            "The argument without its leading dashes, from the list of allowed ones. Arguments that load foreign code, open ports, read "
            "paths or name hosts are not on the list, and what has a field of its own is not either.",
            example="reasoning-parser",
        ),
    ]
    value: Annotated[
        Annotated[str, Field(max_length=1024)] | None,
        says(
            "The value of the argument, passed on as written, never through a shell: what its rule names, and no path, URL or other"
            " model. Leave it out for a switch.",
            example="qwen3",
        ),
    ] = None
