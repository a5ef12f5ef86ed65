"""Running a scenario for a person: progress, comparison runs, files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from steelyard.app.catalogue import from_file, shipped
from steelyard.app.extra import remedy
from steelyard.cli.comparison import Comparison, Pair
from steelyard.cli.problem import Problem
from steelyard.cli.progress import progress
from steelyard.cli.view.simulation import SimulationView, simulation
from steelyard.core.catalogue.entry import CatalogueError
from steelyard.core.replay.record import record
from steelyard.simulate import picture, timeline
from steelyard.simulate.alone import pairs
from steelyard.simulate.drive import Decided
from steelyard.simulate.example import examples, sentence
from steelyard.simulate.run import Run, run
from steelyard.simulate.scenario_file import Loaded, ScenarioError, load
from steelyard.simulate.world import World


def simulated(arguments: argparse.Namespace) -> SimulationView:
    """Run it as asked. Problem where it cannot be."""
    loaded = _loaded(arguments)
    scenario, folder = loaded.scenario, _folder(arguments.out)
    pictures = None if folder is None or arguments.no_plots else ".png" if arguments.png else ".svg"
    if pictures is not None and not picture.available():
        raise Problem("pictures cannot be drawn: matplotlib is not installed", f"{remedy('matplotlib')}; or give --no-plots")
    files: list[Path] = []
    chosen: list[Pair] = [] if arguments.no_comparison else list(pairs(scenario))
    what = f"{scenario.days:g} day(s), as decided" + (f" and {len(chosen)} time(s) on one pool alone" if chosen else "")
    with ExitStack() as open_:
        records = None
        if folder is not None:
            files.append(folder / "decisions.jsonl")
            records = open_.enter_context(files[0].open("w"))
        say = open_.enter_context(progress(what))
        others = open_.enter_context(Comparison(loaded, chosen))

        def keep(each: Decided, world: World) -> None:
            if records is not None:
                records.write(_line(each, world))

        found = run(loaded, lambda part: say(others.part(part)), keep)
        alone = others.runs(say)
    if folder is not None:
        files += _written(folder, loaded, found, alone, pictures)
    return simulation(scenario, found, alone, tuple(str(file) for file in files))


def _loaded(arguments: argparse.Namespace) -> Loaded:
    try:
        whole = from_file(arguments.catalogue) if arguments.catalogue else shipped()
    except CatalogueError as wrong:
        raise Problem(str(wrong), "mend these fields; docs/reference/catalogue.md has them all with an example") from wrong
    try:
        loaded = load(_file(arguments), whole)
    except ScenarioError as wrong:
        raise Problem(str(wrong), "mend it; docs/reference/scenario.md lists every field with its unit and default") from wrong
    changes = {name: value for name in ("seed", "days") if (value := getattr(arguments, name)) is not None}
    return replace(loaded, scenario=loaded.scenario.model_copy(update=changes))


def _file(arguments: argparse.Namespace) -> Path:
    given: Path | None = arguments.scenario
    name: str | None = arguments.example
    if (given is None) == (name is None):
        raise Problem(
            "simulate needs a scenario's file, or --example NAME, and not both", "`steelyard simulate --example` lists the examples"
        )
    if given is not None:
        return given
    known, name = examples(), str(name)
    if not known:
        raise Problem(
            "this installation came without the examples", "give a scenario's file; docs/how-to/simulate.md says how to write one"
        )
    if name not in known:
        width = max(map(len, known))
        listed = "\n".join(f"    {each:{width}}  {sentence(file)}" for each, file in known.items())
        raise Problem(f"there is no example {name!r}", f"one of these:\n{listed}")
    print(f"{name}: {sentence(known[name])}  ({known[name]})", file=sys.stderr)
    return known[name]


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


def _written(folder: Path, loaded: Loaded, found: Run, alone: Mapping[Pair, Run], pictures: str | None) -> list[Path]:
    scenario = loaded.scenario
    pools = [pool.name for pool in scenario.pools]
    files = [folder / "timeline.csv"]
    with files[0].open("w", newline="") as file:
        timeline.write(file, found.workloads, pools)
    for entry, each in zip(scenario.workloads, found.workloads, strict=True):
        if pictures is not None:
            files.append(folder / f"{entry.name}{pictures}")
            others = {pool: other.workloads[0] for (name, pool), other in alone.items() if name == entry.name}
            picture.draw(each, others, scenario, 1 - entry.objective.percent / 100, files[-1])
    return files
