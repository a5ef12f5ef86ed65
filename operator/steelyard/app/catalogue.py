"""Reading catalogues: the shipped one from the package, users' own from a text or a file, and one laid over the other."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from steelyard.core.catalogue.catalogue import Catalogue, parse
from steelyard.core.catalogue.entry import CatalogueError, Fault

TABLES = {"instanceTypes": "instance_types.csv", "models": "models.csv", "claims": "claims.csv"}


@cache
def shipped() -> Catalogue:
    """What comes with this version."""
    folder = files("steelyard.core.catalogue") / "data"
    raw = yaml.safe_load((folder / "accelerators.yaml").read_text(encoding="utf-8"))
    tables = {part: list(csv.DictReader((folder / name).read_text(encoding="utf-8").splitlines())) for part, name in TABLES.items()}
    return parse({**raw, **tables}, "the catalogue of this version")


def laid_over(text: str, where: str) -> Catalogue:
    """The shipped catalogue with the YAML document `text` laid over it; CatalogueError says all that is wrong. Empty adds nothing."""
    try:
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise CatalogueError(where, (Fault("(document)", "(document)", f"is not YAML: {' '.join(str(error).split())}"),)) from error
    whole = shipped() if raw is None else shipped().under(parse(raw, where))
    if found := whole.faults():
        raise CatalogueError(where, found)
    return whole


def from_file(path: Path) -> Catalogue:
    """The same from a file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CatalogueError(str(path), (Fault("(document)", "(document)", f"cannot be read: {why}"),)) from error
    return laid_over(text, str(path))
