"""Reading a scenario: YAML, the files that it names, and errors that say where and what to do."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from steelyard.api.parse import FieldError, parse
from steelyard.core.catalogue.catalogue import EMPTY, Catalogue
from steelyard.simulate.arrivals import Trace
from steelyard.simulate.known_types import filled, foreign_price
from steelyard.simulate.pool_manifest import pool_of
from steelyard.simulate.scenario import Scenario


class ScenarioError(ValueError):
    """The scenario cannot be run; one line for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario with its traces, by the name of the file as the scenario has it."""

    scenario: Scenario
    traces: Mapping[str, Trace]
    catalogue: Catalogue = EMPTY


def load(path: Path, catalogue: Catalogue = EMPTY) -> Loaded:
    """The scenario of the file, its pools filled from the catalogue. ScenarioError with all that is wrong."""
    raw = _yaml(path)
    if not isinstance(raw, dict):
        raise ScenarioError(f"{path}: must be a map with pools and workloads")
    if isinstance(raw.get("pools"), str):
        raw = {**raw, "pools": _pools(path.parent / raw["pools"])}
    currency = raw.get("currency", Scenario.model_fields["currency"].default)
    if isinstance(raw.get("pools"), list):
        raw = {**raw, "pools": [filled(pool, catalogue, currency) if isinstance(pool, dict) else pool for pool in raw["pools"]]}
    scenario = parse(Scenario, raw)
    if isinstance(scenario, list):
        raise ScenarioError("\n".join(f"{path}: {error}" for error in scenario))
    foreign = [
        f"{path}: pools[{i}].{wrong}" for i, pool in enumerate(scenario.pools) if (wrong := foreign_price(pool, catalogue, currency))
    ]
    if foreign:
        raise ScenarioError("\n".join(foreign))
    files = sorted({w.load.trace.file for w in scenario.workloads if w.load.trace})
    return Loaded(scenario, {name: read_trace(path.parent / name) for name in files}, catalogue)


def read_trace(path: Path) -> Trace:
    """A CSV file with the columns t_s and rate_rps. ScenarioError names the line at fault."""
    moments, rates = [], []
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as lines:
            rows = csv.DictReader(lines)
            missing = [name for name in ("t_s", "rate_rps") if name not in (rows.fieldnames or ())]
            if missing:
                raise ScenarioError(f"{path}: must have the columns t_s and rate_rps; there is no {' and no '.join(missing)}")
            for row in rows:
                moments.append(_number(row["t_s"], "t_s", path, rows.line_num))
                rates.append(_number(row["rate_rps"], "rate_rps", path, rows.line_num))
                if len(moments) > 1 and moments[-1] <= moments[-2]:
                    raise ScenarioError(f"{path}, line {rows.line_num}: t_s must grow from row to row: one file holds one trace")
    except (OSError, UnicodeDecodeError, EOFError, csv.Error, zlib.error) as error:
        raise ScenarioError(f"{path}: the trace cannot be read: {error}") from error
    if len(moments) < 2:
        raise ScenarioError(f"{path}: must have at least two rows")
    first = moments[0]
    return Trace(np.array(moments) - first, np.array(rates), 2 * moments[-1] - moments[-2] - first)


def _number(text: str | None, column: str, path: Path, line: int) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e12:
        raise ScenarioError(f"{path}, line {line}: {column} must be a number of 0 or more, found {text!r}")
    return value


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that there is not, and depth
        raise ScenarioError(f"{path}: is no YAML: {' '.join(str(error).split())}") from error


def _pools(path: Path) -> list[Any]:
    """A list of pools, or AcceleratorPool manifests one after the other."""
    try:
        documents = [d for d in yaml.safe_load_all(path.read_text()) if d is not None]
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: the pools cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScenarioError(f"{path}: is no YAML: {' '.join(str(error).split())}") from error
    if len(documents) == 1 and isinstance(documents[0], list):
        return documents[0]
    pools = [
        pool_of(d) if isinstance(d, dict) else [FieldError("", "", "", "must be an AcceleratorPool, or the file a list of pools")]
        for d in documents
    ]
    wrong = [f"{path}: {error}" for pool in pools if isinstance(pool, list) for error in pool]
    if wrong or not pools:
        raise ScenarioError("\n".join(wrong) or f"{path}: holds no pool")
    return pools
