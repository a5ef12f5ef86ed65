"""Other lengths of requests, as a command takes them."""

from __future__ import annotations

import argparse
import re

FACTOR = "0[.][1-9][1-9]?|1[.][1-9]|[2-9]([.][1-9])?|10"
"""As spec.load.lengthFactors takes each."""
MOST = 2


def factors(text: str) -> list[str]:
    """0.5,2."""
    found = text.split(",")
    if not all(re.fullmatch(FACTOR, each) for each in found) or len(set(found)) < len(found) or len(found) > MOST:
        raise argparse.ArgumentTypeError(
            f"must be one or two numbers from 0.1 to 10, each once, without zeros at the end and not 1, such as 0.5,2; found {text!r}"
        )
    return found


def add_factors(parser: argparse.ArgumentParser, costs: str) -> None:
    """`--length-factors`. costs: what it takes beside."""
    parser.add_argument(
        "--length-factors",
        type=factors,
        default=[],
        metavar="A,B",
        help=f"times all lengths of the requests, at which it is measured too whether the claims hold, such as 0.5,2; {costs}; default: none",
    )
