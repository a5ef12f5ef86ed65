"""The termination message: the last word of a pod, at most 4,096 bytes, read by the operator from the container's status."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

LIMIT = 4096
"""What the kubelet keeps of it, in bytes."""

DEFAULT_PATH = "/dev/termination-log"


def fitted(message: Mapping[str, object]) -> bytes:
    """Return the message as JSON within `LIMIT`; `logTail` gives way first (its oldest part), then `message`."""
    shrunk = dict(message)
    for field, keep_end in (("logTail", True), ("message", False)):
        data = _encoded(shrunk)
        text = shrunk.get(field)
        while len(data) > LIMIT and isinstance(text, str) and text:
            # Escapes make a character up to twelve bytes: cutting by the excess may take a few rounds, each cutting at least one.
            cut = max(1, (len(data) - LIMIT) // 12)
            text = text[cut:] if keep_end else text[:-cut]
            shrunk[field] = text
            data = _encoded(shrunk)
    return _encoded(shrunk)


def has_room(message: Mapping[str, object]) -> bool:
    """Whether all of the message stays as it is."""
    return len(_encoded(message)) <= LIMIT


def write_termination_message(message: Mapping[str, object], environment: Mapping[str, str] = os.environ) -> None:
    """Write the message. Outside of a container there is no such file and nothing to tell: then it goes nowhere."""
    path = Path(environment.get("STEELYARD_TERMINATION_LOG", DEFAULT_PATH))
    if path.parent.is_dir():
        try:
            path.write_bytes(fitted(message))
        except OSError as error:  # a result that cannot be told must not hide the exit code
            print_error = f"cannot write the termination message to {path}: {error}\n"
            os.write(2, print_error.encode())


def _encoded(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
