"""The shapes of answers and of errors in the protocols that are spoken here."""

from collections.abc import Callable
from dataclasses import dataclass

from steelyard_runtime.serve import inference_protocol, openai

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, before it is judged."""

    status: int
    body: bytes
    tokens: int = 0
    headers: Headers = ()
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Protocol:
    """The error shape of a protocol: of status, message, field and code."""

    error: Callable[[int, str, str | None, str | None], bytes]

    def refusal(self, status: int, message: str, field: str | None = None, code: str | None = None, headers: Headers = ()) -> Answer:
        """Return an error in the protocol's shape."""
        return Answer(status, self.error(status, message, field, code), headers=headers)


OPENAI = Protocol(openai.error_response)
INFERENCE = Protocol(lambda _status, message, _field, _code: inference_protocol.error_response(message))
