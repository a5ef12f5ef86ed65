"""Running a scenario for a person: progress, comparison runs, files."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from steelyard.app.catalogue import from_file, shipped
from steelyard.cli.problem import Problem
from steelyard.cli.progress import progress
from steelyard.cli.view.simulation import SimulationView, simulation
from steelyard.core.catalogue.entry import CatalogueError
from steelyard.core.record import record
from steelyard.simulate import picture, timeline
from steelyard.simulate.alone import alone, pairs
from steelyard.simulate.drive import Decided
from steelyard.simulate.run import Run, run
from steelyard.simulate.scenario_file import Loaded, ScenarioError, load
from steelyard.simulate.world import World


def simulated(arguments: argparse.Namespace) -> SimulationView:
    """Run it as asked. Problem where it cannot be."""
    loaded = _loaded(arguments)
    scenario, folder = loaded.scenario, _folder(arguments.out)
    pictures = None if folder is None or arguments.no_plots else ".png" if arguments.png else ".svg"
    if pictures is not None:
        try:
            picture.available()
        except picture.MissingExtraError as missing:
            raise Problem(f"pictures cannot be drawn: {missing}", "pip install 'steelyard[simulate]', or give --no-plots") from missing
    files: list[Path] = []
    with ExitStack() as open_:
        records = None
        if folder is not None:
            files.append(folder / "decisions.jsonl")
            records = open_.enter_context(files[0].open("w"))
        say = open_.enter_context(progress("as decided"))

        def keep(each: Decided, world: World) -> None:
            if records is not None:
                records.write(_line(each, world))

        found = run(loaded, say, keep)
    others = {}
    for workload, pool in () if arguments.no_comparison else pairs(scenario):
        with progress(f"{workload} only on {pool}") as say:
            others[workload, pool] = alone(loaded, workload, pool, say)
    if folder is not None:
        files += _written(folder, loaded, found, pictures)
    return simulation(scenario, found, others, tuple(str(file) for file in files))


def _loaded(arguments: argparse.Namespace) -> Loaded:
    try:
        whole = from_file(arguments.catalogue) if arguments.catalogue else shipped()
    except CatalogueError as wrong:
        raise Problem(str(wrong), "mend these fields; docs/reference/catalogue.md has them all with an example") from wrong
    try:
        loaded = load(arguments.scenario, whole)
    except ScenarioError as wrong:
        raise Problem(str(wrong), "mend it; docs/reference/scenario.md lists every field with its unit and default") from wrong
    changes = {name: value for name in ("seed", "days") if (value := getattr(arguments, name)) is not None}
    return replace(loaded, scenario=loaded.scenario.model_copy(update=changes))


def _folder(out: Path | None) -> Path | None:
    if out is None:
        return None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"the folder {out} cannot be made: {error.strerror}", "give --out another folder") from error
    return out


def _line(each: Decided, world: World) -> str:
    """As the operator logs a decision, so that what reads the one reads the other."""
    decision = each.decision
    line = {
        "time": world.moment.isoformat(),
        "workload": "/".join(each.snapshot.workload.key),
        "verdict": decision.verdict,
        "reason": decision.reason.value,
        "message": decision.message,
        "digest": decision.memory.last.digest if decision.memory.last else "",
        "record": record(each.snapshot, decision, world.moment),
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def _written(folder: Path, loaded: Loaded, found: Run, pictures: str | None) -> list[Path]:
    pools = [pool.name for pool in loaded.scenario.pools]
    files = [folder / "timeline.csv"]
    with files[0].open("w", newline="") as file:
        timeline.write(file, found.workloads, pools)
    for entry, each in zip(loaded.scenario.workloads, found.workloads, strict=True):
        if pictures is not None:
            files.append(folder / f"{entry.name}{pictures}")
            picture.draw(each, pools, 1 - entry.objective.percent / 100, files[-1])
    return files
