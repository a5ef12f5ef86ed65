"""docs/reference/cli.md: every command and every JSON object, from the argparse tree and the views."""

from __future__ import annotations

import argparse
import ast
import inspect
import textwrap
import types
import typing
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from generate.markdown import bullet, document
from steelyard.cli.command import Command
from steelyard.cli.commands.completion import parsers
from steelyard.cli.commands.version import VersionOption
from steelyard.cli.document import API_VERSION, camel
from steelyard.cli.parser import DESCRIPTION, build
from steelyard.cli.view.bill import BillView
from steelyard.cli.view.catalogue import AddedView, CatalogueView, EntryView
from steelyard.cli.view.examples import ExamplesView
from steelyard.cli.view.explain import ExplainView
from steelyard.cli.view.lint import LintView
from steelyard.cli.view.replay import ReplayView
from steelyard.cli.view.report import ReportView
from steelyard.cli.view.simulation import SimulationView
from steelyard.cli.view.status import StatusView
from steelyard.cli.view.top import TopView
from steelyard.cli.view.trial import TrialView
from steelyard.cli.view.trial_report import TrialReportView
from steelyard.cli.view.trials import TrialsView

KINDS: dict[str, type] = {
    "Status": StatusView,
    "Explanation": ExplainView,
    "Top": TopView,
    "Report": ReportView,
    "TrialReport": TrialReportView,
    "Trial": TrialView,
    "Trials": TrialsView,
    "Catalogue": CatalogueView,
    "Entry": EntryView,
    "Added": AddedView,
    "Bill": BillView,
    "Lint": LintView,
    "Simulation": SimulationView,
    "Examples": ExamplesView,
    "Replay": ReplayView,
}

TITLES = {kind: name for name, kind in KINDS.items()}

USAGE_WIDTH = 100
INTRODUCTION = f"""\
# The command `steelyard`

{DESCRIPTION} Installed on the PATH it is also `kubectl steelyard`. It reads the kubeconfig as kubectl does and talks to the API server only;
`bill` and `lint` read files and ask nobody. It shows what the operator wrote to status and recomputes no decision. To the cluster it writes an AcceleratorTrial (`trial start`) and
the end of one (`trial stop`), an InferenceWorkload (`observe --apply`), and nothing else; to this machine the files of `report`, `simulate` and `trial local`. `simulate`,
`replay` and `trial local` ask no cluster: they decide with the operator's own core. `-` and `unknown` mean that nobody knows: never 0.

Colours are off when the output is not a terminal, is one that knows none (`TERM=dumb`), or `NO_COLOR` is set; they only repeat what words
say. Into a pipe lines are 160 characters wide; `COLUMNS` changes that.

Rights that it uses: `get` and `list` of `inferenceworkloads`, for trials `get`, `list`, `create` and `patch` of `acceleratortrials`; for `observe` `get` of what it looks at (of an InferenceService `list` of `pods` too), and `create` of `inferenceworkloads`; and, where you have them, `get` and `list` of `acceleratorpools`, `list` of `compiledmodels`,
`deployments` and (`explain`, `top`) `events`. Without the latter it says what it leaves out.
"""

JSON = f"""\
## JSON

`-o json` prints one object: `apiVersion: {API_VERSION}`, `kind`, `time` (the API server's clock at the reading: the age of something is its
difference to `time`; of `catalogue` and `bill`, this machine's clock; of `simulate` its end, of `replay` the last decision), and the fields below.
`top`, `explain -w`, `trial start` and `trial show -w` print one such object a line. Every field is always there, and `null` where it is
not known. Decimals are strings as the operator wrote them, times are RFC 3339 in UTC, money is in the currency of the installation. Fields
are added within `v1`; they are renamed, removed or given another meaning only with a new version.
"""


def page() -> str:
    """The whole page."""
    parser = build("steelyard")
    parts = [INTRODUCTION]
    subs = {name: sub for name, sub in parsers(parser).items() if sub.get_default("command") is not None}
    parts += [f"- [`{name}`](#{name.replace(' ', '-')}): {_command(sub).summary}" for name, sub in subs.items()]
    parts.append("\nOptions of every command that asks a cluster; they may also stand before the command:\n")
    parts += _rows([a for a in parser._actions if a.option_strings and not isinstance(a, VersionOption)])
    for name, sub in subs.items():
        parts += _section(name, sub, {o for a in parser._actions for o in a.option_strings})
    parts += ["", JSON, *_shapes()]
    return document(*parts)


def _command(parser: argparse.ArgumentParser) -> Command:
    found: Command = parser.get_default("command")
    return found


def _section(name: str, parser: argparse.ArgumentParser, common: set[str]) -> list[str]:
    command = _command(parser)
    own = [a for a in parser._actions if not set(a.option_strings) & common]
    # A bracket is not divided.
    usage = textwrap.fill(
        " ".join(["steelyard", name, *(_usage(a).replace(" ", "\0") for a in own)]),
        USAGE_WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    ).replace("\0", " ")
    lines = [f"\n## {name}\n", f"{command.description}\n", f"```\n{usage}\n```\n"]
    rows = _rows(own)
    lines += [*rows, ""] if rows else []
    return [*lines, "Exit codes:\n", *(f"- {code}: {when}" for code, when in command.exits)]


def _usage(action: argparse.Action) -> str:
    value = "|".join(map(str, action.choices)) if action.choices else str(action.metavar or action.dest)
    if not action.option_strings:
        return {"?": f"[{value}]", "+": f"{value}..."}.get(str(action.nargs), value)
    whole = action.option_strings[0] if action.nargs == 0 else f"{action.option_strings[0]} {value}"
    more = "..." if isinstance(action, argparse._AppendAction) else ""
    return f"{whole}{more}" if action.required else f"[{whole}]{more}"


def _rows(actions: list[argparse.Action]) -> list[str]:
    return [
        f"- {', '.join(f'`{o}`' for o in a.option_strings) or f'`{a.metavar or a.dest}`'}: {(a.help or '').replace('%%', '%')}"
        for a in actions
    ]


def _shapes() -> list[str]:
    lines: list[str] = []
    done: set[type] = set()
    waiting = list(KINDS.items())
    while waiting:
        name, kind = waiting.pop(0)
        if kind in done:
            continue
        done.add(kind)
        notes, inner = _notes(kind), []
        lines += [f"### {name}\n", f"{inspect.getdoc(kind) or ''}\n"]
        hints = typing.get_type_hints(kind)
        for one in fields(kind):
            if one.metadata.get("json", True):
                word, nested = _type(hints[one.name])
                inner += nested
                lines.append(bullet(camel(one.name), word, notes.get(one.name, "")))
        lines.append("")
        waiting += [(str(kind.__name__), kind) for kind in inner]
    return lines


def _type(hint: Any) -> tuple[str, list[type]]:
    """In words, and the dataclasses in it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        word, inner = _type(next(a for a in arguments if a is not types.NoneType))
        return f"{word} or null", inner
    if origin is tuple:
        word, inner = _type(arguments[0])
        return f"list of {word}", inner
    if is_dataclass(hint):
        kind = typing.cast("type", hint)
        title = TITLES.get(kind, kind.__name__)
        return f"[{title}](#{title.lower()})", [kind]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(str(member.value) for member in hint), []
    return {str: "string", int: "integer", bool: "boolean", Decimal: "decimal string", datetime: "time"}[hint], []


def _notes(kind: type) -> dict[str, str]:
    """The sentence under each field: Python keeps it in the source only."""
    tree = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            found[before.target.id] = str(after.value.value)
    return found
