"""`python -m figures`, the end of `make check`: the shape of the code in figures. They are printed, and one fails the check: a module that only
tests import."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import grimp

ROOT = Path(__file__).parents[1]
PACKAGE = "steelyard"
CORE = Path("operator/steelyard/core")
MOST_COMPLEX, MOST_PARAMETERS = 10, 6
"""What a function of the core may have."""
SHOWN = 5
"""Of those above a bound, the highest first."""
ENTRIES = {
    "steelyard": ("app.entry", "cli.main", "cli.__main__", "api.crdgen.manifest", "api.crdgen.kinds"),
    "steelyard_runtime": ("entry",),
}
"""Modules of each package from which everything that it does is reached: the operator, the command, and what writes its definitions; what runs in
pods."""
QUESTIONS = ("What", "Who", "Whether", "How", "Where")
"""First words of a docstring that names no subject."""


@dataclass(frozen=True, slots=True)
class Function:
    """Where a function is, and its figure: the branches or the parameters that it has."""

    where: str
    figure: int


def ruff(folder: Path, rule: str, bound: str) -> list[Function]:
    """The functions under `folder` whose figure is above a bound of ruff's; bound: the setting, such as `lint.pylint.max-args=6`."""
    options = ["--isolated", "--ignore-noqa", "--quiet", "--exit-zero", "--output-format=json", "--select", rule, "--config", bound]
    done = subprocess.run([sys.executable, "-m", "ruff", "check", *options, str(folder)], stdout=subprocess.PIPE, check=True)
    return [_function(folder, told) for told in json.loads(done.stdout)]


def _function(folder: Path, told: Mapping[str, Any]) -> Function:
    [figure] = re.findall(r"\((\d+) > \d+\)", told["message"])
    return Function(f"{Path(told['filename']).relative_to(folder.resolve())}:{told['location']['row']}", int(figure))


def branches(folder: Path) -> list[Function]:
    """The cyclomatic complexity of each function under `folder`, counted more strictly than by ruff.

    Each further condition of `and` and `or`, each conditional expression, each condition of a comprehension and each assertion counts too.
    """
    return [
        Function(f"{path.relative_to(folder)}:{node.lineno}", 1 + sum(map(_branches, ast.walk(node))))
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _branches(node: ast.AST) -> int:
    match node:
        case ast.If() | ast.IfExp() | ast.For() | ast.AsyncFor() | ast.While() | ast.ExceptHandler() | ast.match_case() | ast.Assert():
            return 1
        case ast.BoolOp():
            return len(node.values) - 1
        case ast.comprehension():
            return 1 + len(node.ifs)
        case _:
            return 0


def circles(package: str) -> list[tuple[str, ...]]:
    """Packages that import each other, directly or in a round, each taken with all that stands in it; and modules that stand beside a
    package and are in a circle with it. Circles of modules alone are left out."""
    graph = grimp.build_graph(package, cache_dir=None)
    imports: defaultdict[str, set[str]] = defaultdict(set)
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            here, there = importer.split("."), imported.split(".")
            parting = next((at for at, pair in enumerate(zip(here, there, strict=False)) if len(set(pair)) > 1), None)
            if parting is not None:
                imports[".".join(here[: parting + 1])].add(".".join(there[: parting + 1]))
    return sorted(circle for circle in _rounds(imports) if any(graph.find_children(member) for member in circle))


def unreached(package: str, entries: Sequence[str]) -> list[str]:
    """Modules that no entry imports, by whatever way: nobody uses them but tests."""
    graph = grimp.build_graph(package, cache_dir=None)
    reached = {f"{package}.{entry}" for entry in entries}
    reached |= {module for entry in sorted(reached) if entry in graph.modules for module in graph.find_upstream_modules(entry)}
    return sorted(module for module in graph.modules - reached if not graph.find_children(module))


def without_a_caller() -> list[str]:
    """Of all packages."""
    return [module for package, entries in ENTRIES.items() for module in unreached(package, entries)]


def _rounds(imports: Mapping[str, set[str]]) -> set[tuple[str, ...]]:
    """The largest sets of two names or more in which each reaches every other."""
    reached = {name: _reached(name, imports) for name in imports}
    return {tuple(sorted(other for other in found if name in reached.get(other, ()))) for name, found in reached.items() if name in found}


def _reached(name: str, imports: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = imports.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def docstrings(source: str) -> Iterator[str]:
    """Those of the module, its classes and functions, and the strings under its fields and constants."""
    bodies = [ast.parse(source).body]
    while bodies:
        for statement in bodies.pop():
            match statement:
                case ast.Expr(ast.Constant(str(text))):
                    yield text
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    bodies.append(statement.body)


def begins_with_a_question(docstring: str) -> bool:
    """Whether the first word is one of QUESTIONS."""
    return re.match(rf"\s*({'|'.join(QUESTIONS)})\b", docstring) is not None


def wheel(root: Path) -> list[Path]:
    """The packages that pyproject.toml puts into the wheel."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    return [root / package for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]


def figures(root: Path) -> Iterator[str]:
    """A line each."""
    core = root / CORE
    by_ruff = ruff(core, "C901", "lint.mccabe.max-complexity=0")
    for way, functions in (("by ruff (C901)", by_ruff), ("with each condition counted", branches(core))):
        yield (
            f"complexity of the core's functions, {way}: {_distribution(functions)}; over {MOST_COMPLEX}: {_above(functions, MOST_COMPLEX)}"
        )
    parameters = ruff(core, "PLR0913", f"lint.pylint.max-args={MOST_PARAMETERS}")
    yield f"functions of the core over {MOST_PARAMETERS} parameters (PLR0913): {_above(parameters, MOST_PARAMETERS)}"
    found = circles(PACKAGE)
    yield f"circles of packages: {'; '.join([str(len(found)), *(' ~ '.join(circle) for circle in found)])}"
    alone = without_a_caller()
    yield f"modules that no entry reaches: {'; '.join([str(len(alone)), *alone])}"
    sources = {package.name: [path.read_text() for path in package.rglob("*.py")] for package in wheel(root)}
    told = [docstring for texts in sources.values() for source in texts for docstring in docstrings(source)]
    yield f"docstrings that begin with {', '.join(QUESTIONS)}: {sum(map(begins_with_a_question, told)):,} of {len(told):,}"
    yield f"lines of the wheel: {', '.join(f'{name} {sum(len(text.splitlines()) for text in texts):,}' for name, texts in sources.items())}"


def _distribution(functions: Sequence[Function]) -> str:
    ordered = sorted(function.figure for function in functions)
    return f"mean {sum(ordered) / len(ordered):.1f}, 95th percentile {ordered[ceil(0.95 * len(ordered)) - 1]}"


def _above(functions: Sequence[Function], most: int) -> str:
    above = sorted((function for function in functions if function.figure > most), key=lambda function: -function.figure)
    told = ", ".join(f"{function.figure} ({function.where})" for function in above[:SHOWN])
    return f"{len(above)}: {told}" if told else "0"


def refusals() -> list[str]:
    """Why the check fails; none where it passes."""
    return [f"{module} is imported by nothing that runs: give it a caller, or delete it with its tests" for module in without_a_caller()]


if __name__ == "__main__":
    print(*figures(ROOT), sep="\n")
    refused = refusals()
    print(*refused, sep="\n", end="\n" if refused else "", file=sys.stderr)
    sys.exit(1 if refused else 0)
