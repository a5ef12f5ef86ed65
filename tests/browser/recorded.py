"""What a run of `make demo TRIAL=1` left behind: its trial, workload and pools, as the API server had them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from steelyard.cli.gathered import GatheredTrial

FILE = Path(__file__).parent / "recorded_trial.json"


def recorded() -> GatheredTrial:
    """As the command reads it a minute after its end."""
    found = json.loads(FILE.read_text())
    return GatheredTrial(
        now=datetime.fromisoformat(found["now"]), trial=found["trial"], workload=found["workload"], pools=tuple(found["pools"])
    )
