"""How many tokens each request took from vLLM's engine, as the engine itself hands them out.

An answer tells them only where its client asks for that, and a stream tells each step of a request, which may be several tokens. The server
asks its engine by `engine_client.generate`, in the task of the request or in one that it began: so what comes from there belongs to the request.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Tokens:
    """Of one request, so far. `cached`: those of its input that a kept prefix spared; None where the engine does not tell."""

    input: int = 0
    cached: int | None = 0
    output: int = 0


REQUEST: ContextVar[Tokens | None] = ContextVar("steelyard_tokens", default=None)
"""Of the request that is being served here; None for what is no user's."""


def engine_of(scope: Any) -> Any:
    """Return what the server generates with, or None where it is not where vLLM keeps it."""
    return getattr(getattr(scope.get("app"), "state", None), "engine_client", None)


def watch(engine: Any) -> bool:
    """Count from now on what the engine generates; returns whether it can be."""
    generate: Callable[..., AsyncGenerator[Any, None]] | None = getattr(engine, "generate", None)
    if generate is None:
        return False

    def watched(prompt: Any, sampling_params: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        outputs, into = generate(prompt, sampling_params, *args, **kwargs), REQUEST.get()
        return outputs if into is None else _counted(outputs, into, cumulative=_is_cumulative(sampling_params))

    engine.generate = watched
    return True


def _is_cumulative(sampling_params: Any) -> bool:
    """Whether each output holds all tokens until then, and not those that are new."""
    return getattr(getattr(sampling_params, "output_kind", None), "name", "") == "CUMULATIVE"


async def _counted(outputs: AsyncGenerator[Any, None], into: Tokens, *, cumulative: bool) -> AsyncGenerator[Any, None]:
    """Pass on what comes. Whoever ends this early ends the engine's work too."""
    heard = False
    before: dict[int, int] = {}
    async with aclosing(outputs):
        async for output in outputs:
            if not heard and output.prompt_token_ids is not None:
                heard = True
                into.input += len(output.prompt_token_ids)
                kept = output.num_cached_tokens
                into.cached = None if into.cached is None or kept is None else into.cached + kept
            for choice in output.outputs:
                made = len(choice.token_ids)
                into.output += made - (before.get(choice.index, 0) if cumulative else 0)
                before[choice.index] = made
            yield output
