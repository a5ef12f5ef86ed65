"""A played compiler: what becomes of one compile."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CompileFailure:
    """The compile ends like this. `failure_class`: User | OutOfMemory | Infrastructure as the runtime says it, Killed (by the kernel), Hang,
    Senseless (it says that it has succeeded, and `message` is the artifact)."""

    failure_class: str
    message: str = "played"

    def ending(self) -> tuple[int, str, str] | None:
        """(exit code, reason, termination message); None for a compile that never ends."""
        if self.failure_class == "Hang":
            return None
        if self.failure_class == "Killed":
            return 137, "OOMKilled", ""
        if self.failure_class == "Senseless":
            return 0, "Completed", f'{{"result":"Succeeded","artifact":{self.message},"seconds":NaN}}'
        told = {"result": "Failed", "class": self.failure_class, "reason": "Played", "message": self.message, "logTail": "last line"}
        return 1, "Error", json.dumps(told)


COSINE, QUANTIZED = 0.9999, 0.99
"""To the reference, of all that is compiled, and of what is in fewer bits."""


def success(spec: dict[str, Any]) -> str:
    """The termination message of a compile that went well."""
    near = COSINE if spec.get("quantization", "none") == "none" else QUANTIZED
    made = {"uri": f"{spec['store']['uri']}/{spec['key']}/manifest.json", "digest": f"sha256:{spec['key']}", "sizeBytes": 1024}
    return json.dumps({"result": "Succeeded", "artifact": made, "seconds": 1, "cached": False, "accuracy": {"cosineMin": near}})
