"""The text that people read, kept as files. Regenerate: `PYTHONPATH=operator:tests python -m unit.cli.golden_text`, then read the diff."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from rich.console import Console

from steelyard.cli.gathered import Gathered, GatheredTrial
from steelyard.cli.ledger_file import Ledger
from steelyard.cli.text.bill import show as show_bill
from steelyard.cli.text.explain import show as show_explain
from steelyard.cli.text.replay import show as show_replay
from steelyard.cli.text.simulation import show as show_simulation
from steelyard.cli.text.status import show as show_status
from steelyard.cli.text.top import picture
from steelyard.cli.text.trial import news
from steelyard.cli.text.trial import show as show_trial
from steelyard.cli.text.trials import show as show_trials
from steelyard.cli.view.bill import BillView, compare
from steelyard.cli.view.explain import explain
from steelyard.cli.view.status import status
from steelyard.cli.view.top import top
from steelyard.cli.view.trial import trial_view
from steelyard.cli.view.trials import trials_view
from steelyard.core.facts.price import PriceClass
from unit.cli.simulated import REPLAYED, SIMULATED
from unit.cli.situations import NOW, SITUATIONS
from unit.cli.trials import TRIALS
from unit.core.bills import MACHINE, OTHER, line, record

FOLDER = Path(__file__).parent / "golden"


def printed(print_to: Callable[[Console], None], width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, emoji=False, highlight=False)
    print_to(console)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def texts(seen: Gathered, width: int = 120) -> dict[str, str]:
    return {
        "explain": printed(lambda c: show_explain(c, explain(seen)), width),
        "status": printed(lambda c: show_status(c, status(seen), verbose=False), width),
        "status-verbose": printed(lambda c: show_status(c, status(seen), verbose=True), width),
        "top": printed(lambda c: c.print(picture(top(seen), width)), width),
    }


def trial_texts(seen: GatheredTrial, width: int = 120) -> dict[str, str]:
    view = trial_view(seen)
    return {
        "trial": printed(lambda c: show_trial(c, view), width),
        "trial-news": "".join(f"{line}\n" for line in news(None, view)),
    }


def trials_text(width: int = 120) -> str:
    raws = (seen().trial | {"metadata": {**seen().trial["metadata"], "name": name}} for name, seen in TRIALS.items())
    return printed(lambda c: show_trials(c, trials_view(raws, NOW, None)), width)


def bill_view() -> BillView:
    """A day with something of everything."""
    hours = range(24)
    lines = [
        *(line(0.7582, hour=h) for h in hours),
        *(line(0.62, hour=h, resource=OTHER, ContractedCost="0.95", CommitmentDiscountStatus="Used") for h in hours),
        *(line(0.7582, hour=h, resource="i-0cccccccc") for h in (7, 8)),
        line(0.9, ConsumedUnit="GB"),
        line(1.44, resource=None, CommitmentDiscountStatus="Unused"),
        line(1234.5, resource="a-database"),
        line(5.0, BillingCurrency="EUR"),
    ]
    records = [
        record(0.7582 * 0.95, hour=0.05, hours=0.95, pool="inf2"),
        *(record(0.7582, hour=h, pool="inf2") for h in hours[1:]),
        *(record(1.006, hour=h, resource=OTHER, pool="g5", word=PriceClass.LIST) for h in hours),
        record(1.006, hour=23, resource="i-0dddddddd", pool="g5", word=PriceClass.LIST),
        record(None, hour=3, resource=MACHINE[:-1], pool="g5", word=None),
    ]
    tagged = [replace(one, tags={"pools": "yes"}) if one.resource == "i-0cccccccc" else one for one in lines]
    return compare(Ledger(tuple(records), "USD"), tagged, "pools=yes", date.min, date.max)


def bill_text(width: int = 120) -> str:
    return printed(lambda c: show_bill(c, bill_view()), width)


def without_a_cluster(width: int = 120) -> dict[str, str]:
    """Pages of commands that ask none."""
    return {
        "simulation": printed(lambda c: show_simulation(c, SIMULATED), width),
        "replay": printed(lambda c: show_replay(c, REPLAYED), width),
    }


def regenerate() -> None:
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.glob("*.txt"):
        stale.unlink()
    for name, situation in SITUATIONS.items():
        for kind, text in texts(situation()).items():
            (FOLDER / f"{name}.{kind}.txt").write_text(text)
    for name, trial in TRIALS.items():
        for kind, text in trial_texts(trial()).items():
            (FOLDER / f"{name}.{kind}.txt").write_text(text)
    (FOLDER / "trials.txt").write_text(trials_text())
    (FOLDER / "bill.txt").write_text(bill_text())
    for name, text in without_a_cluster().items():
        (FOLDER / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    regenerate()
