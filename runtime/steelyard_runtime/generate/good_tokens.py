"""What good requests had of tokens: the money of a server that generates text is divided by them."""

from prometheus_client import CollectorRegistry, Counter

from steelyard_runtime.generate.engine_tokens import Tokens


class GoodTokens:
    """Counters that begin with 0, so that a reader knows from the first page on that they are told."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._input = _counter("input", "Tokens of good requests' prompts, those that a kept prefix spared included.", registry)
        self._output = _counter("output", "Tokens of the answers to good requests.", registry)
        self._cached: Counter | None = _counter(
            "cached_input", "Of the tokens of good requests' prompts those that a kept prefix spared.", registry
        )

    def add(self, tokens: Tokens) -> None:
        """Count one good request."""
        self._input.inc(tokens.input)
        self._output.inc(tokens.output)
        if self._cached is not None and tokens.cached is None:
            # Too few are worse than none: what is not told of one request is not told at all.
            self._registry.unregister(self._cached)
            self._cached = None
        if self._cached is not None and tokens.cached is not None:
            self._cached.inc(tokens.cached)


def _counter(kind: str, says: str, registry: CollectorRegistry) -> Counter:
    return Counter(f"steelyard_server_good_{kind}_tokens_total", says, registry=registry)
