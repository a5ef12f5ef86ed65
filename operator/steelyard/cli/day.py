"""A day as an argument."""

from __future__ import annotations

import argparse
from datetime import date


def day(text: str) -> date:
    """argparse.ArgumentTypeError unless it is like 2026-01-31."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-01-31") from None
