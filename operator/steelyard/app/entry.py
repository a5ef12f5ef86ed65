"""`steelyard-operator` as it is installed: without its extra it says so."""

from __future__ import annotations

import sys

from steelyard.app.extra import remedy


def main() -> int:
    """The operator's exit code; 2 where a package is missing."""
    try:
        from steelyard.app.main import main as run  # noqa: PLC0415 - what it imports may be missing.
    except ModuleNotFoundError as missing:
        package = str(missing.name).partition(".")[0]
        print(f"error: steelyard-operator needs the package {package}, which is not installed", file=sys.stderr)  # noqa: T201
        print(f"  try: {remedy(package)}", file=sys.stderr)  # noqa: T201
        return 2
    return run()
