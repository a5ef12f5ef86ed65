"""`make generate`: write every generated file. `make verify`: write nothing, and show where one differs from what its sources say."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import yaml

from generate import api, catalogue, chart, cli, dashboard, reasons, scenario, values
from generate.drift import differences, write
from steelyard.api.crdgen.kinds import KINDS
from steelyard.api.crdgen.manifest import crd_path, crd_text

CHART = PurePosixPath("charts/steelyard")
PAGES = PurePosixPath("docs/reference")


def generated(root: Path) -> dict[PurePosixPath, str]:
    """Every generated file, by its path from the repository's root, under which the chart's values.yaml is read.

    Raises ValueError when a kind breaks the rules of the API.
    """
    definitions = {crd_path(kind): crd_text(kind) for kind in KINDS}
    defaults = yaml.safe_load((root / CHART / "values.yaml").read_text(encoding="utf-8"))
    return {
        **definitions,
        **{CHART / "templates" / path: chart.crd_template(text) for path, text in definitions.items()},
        CHART / "values.schema.json": json.dumps(chart.schema(), indent=2) + "\n",
        CHART / "files" / "dashboard.json": dashboard.text(),
        PAGES / "api.md": api.page(KINDS),
        PAGES / "catalogue.md": catalogue.page(),
        PAGES / "cli.md": cli.page(),
        PAGES / "reasons.md": reasons.page(),
        PAGES / "scenario.md": scenario.page(),
        PAGES / "values.md": values.page(defaults),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when all is well, 1 when files differ from what they should be, 2 when the place or a kind is wrong."""
    parser = argparse.ArgumentParser(prog="python -m generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; show what differs and how to repair it")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the root of the repository (default: the current folder)")
    given = parser.parse_args(arguments)
    try:
        files = generated(given.root)
    except FileNotFoundError as missing:
        print(f"there is no {missing.filename}: run this in the root of the repository, or give --root", file=sys.stderr)
        return 2
    except ValueError as refusal:
        print(refusal, file=sys.stderr)
        return 2
    if not given.check:
        write(given.root, files)
        return 0
    difference = differences(given.root, files)
    if difference:
        sys.stdout.write(difference)
        print("Generated files differ from what their sources say. Repair: make generate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
