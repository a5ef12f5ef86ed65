"""What all tasks have in common whose requests are of one text each."""

import json
import random
from typing import Any

from steelyard_runtime.texts import golden_texts


class OneText:
    """Golden samples and the requests of a load generator."""

    def samples(self, count: int, seed: int, longest: int) -> tuple[str, ...]:
        """Texts of all lengths."""
        return golden_texts(count, seed, longest)

    def words(self, tokens: int) -> int:
        """Words are tokens, nearly."""
        return tokens

    def body(self, model: str, text: str, chance: random.Random) -> bytes:
        """One text."""
        return json.dumps({"model": model, "input": text}).encode()

    def tokens(self, answer: Any) -> int:
        """As OpenAI counts."""
        return int(answer["usage"]["prompt_tokens"])
