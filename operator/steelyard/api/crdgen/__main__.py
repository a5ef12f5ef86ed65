"""`python -m steelyard.api.crdgen`: write crds/ and docs/reference/api.md, or check that they are as they should be."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from steelyard.api.crdgen.drift import COMMAND, DOCS, differences, generated, write


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when all is well, 1 when files differ from what they should be, 2 when the place or a model is wrong."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; show what differs and how to repair it")
    parser.add_argument("--docs", action="store_true", help="only docs/reference/api.md")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the root of the repository (default: the current folder)")
    given = parser.parse_args(arguments)
    if not (given.root / "crds").is_dir():
        print(f"{given.root} has no folder crds/: run this in the root of the repository, or give --root", file=sys.stderr)  # noqa: T201
        return 2
    try:
        files = generated()
    except ValueError as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201
        return 2
    if given.docs:
        files = {DOCS: files[DOCS]}
    if not given.check:
        write(given.root, files)
        return 0
    difference = differences(given.root, files)
    if difference:
        sys.stdout.write(difference)
        print(f"Generated files differ from the models. Repair: {COMMAND}{' --docs' if given.docs else ''}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
