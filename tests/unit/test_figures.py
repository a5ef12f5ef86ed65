"""The figures that `make check` prints, of a tree in which each of them is known."""

from pathlib import Path
from textwrap import dedent

import pytest

import figures
from figures import Function

SOURCES = {
    "operator/weighbridge/__init__.py": "",
    "operator/weighbridge/core/__init__.py": "",
    # A circle of two packages, over a third; a package and the module beside it; two modules alone.
    "operator/weighbridge/core/planning/__init__.py": "",
    "operator/weighbridge/core/planning/plan.py": "from weighbridge.core.economics import price\n",
    "operator/weighbridge/core/economics/__init__.py": "",
    "operator/weighbridge/core/economics/price.py": "import weighbridge.core.moves.move\n",
    "operator/weighbridge/core/moves/__init__.py": "",
    "operator/weighbridge/core/moves/move.py": "def late():\n    from weighbridge.core.planning import plan\n",
    "operator/weighbridge/commands/__init__.py": "import weighbridge.commands.say\n",
    "operator/weighbridge/commands/say.py": "from weighbridge import parser\n",
    "operator/weighbridge/parser.py": "import weighbridge.commands\n",
    "operator/weighbridge/one.py": "from weighbridge import other\n",
    "operator/weighbridge/other.py": "from weighbridge import one\n",
    # Packages below may be imported by all, and a package imports its own parts.
    "operator/weighbridge/facts/__init__.py": "import weighbridge.facts.pod\n",
    "operator/weighbridge/facts/pod.py": "from weighbridge.core import planning\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_packages_that_import_each_other_are_circles_also_over_others_and_in_the_middle_of_a_function(
    tree: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(tree / "operator")
    assert figures.circles("weighbridge") == [
        ("weighbridge.commands", "weighbridge.parser"),
        ("weighbridge.core.economics", "weighbridge.core.moves", "weighbridge.core.planning"),
    ]


def test_a_module_is_reached_from_an_entry_over_any_way_and_what_only_others_alone_import_is_not(
    tree: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(tree / "operator")
    everything = figures.unreached("weighbridge", ())
    assert set(everything) - set(figures.unreached("weighbridge", ("core.economics.price",))) == {
        "weighbridge.core.economics.price", "weighbridge.core.moves.move", "weighbridge.core.planning.plan",
    }  # fmt: skip
    assert {"weighbridge.one", "weighbridge.other"} <= set(figures.unreached("weighbridge", ("commands.say",)))


def test_a_module_without_a_caller_fails_the_check(tree: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tree / "operator")
    monkeypatch.setattr(figures, "ENTRIES", {"weighbridge": ("commands.say", "core.economics.price", "facts.pod", "one")})
    assert figures.refusals() == []
    (tree / "operator/weighbridge/core/economics/toll.py").write_text("from weighbridge.core.economics import price\n")
    [refused] = figures.refusals()
    assert refused.startswith("weighbridge.core.economics.toll is imported by nothing that runs: give it a caller, or delete it")


def test_no_module_of_ours_is_without_a_caller() -> None:
    assert figures.refusals() == []


FUNCTIONS = '''\
def straight(a, b, c, d, e, f):
    return a


def winding(a, b, c, d, e, f, g):  # noqa: C901, PLR0913
    """The longer way."""
    if a and (b or c):
        return [one for one in d if one if e]
    for one in f:
        try:
            assert one
        except ValueError:
            return 1 if g else 2
    match a:
        case 1:
            return b
        case _:
            return c
'''


def test_functions_are_counted_as_ruff_counts_them_whatever_they_ask_it_to_overlook(tmp_path: Path):
    (tmp_path / "road.py").write_text(FUNCTIONS)
    assert figures.ruff(tmp_path, "PLR0913", "lint.pylint.max-args=6") == [Function("road.py:5", 7)]
    # if, for, except, the case that is not the last resort
    assert figures.ruff(tmp_path, "C901", "lint.mccabe.max-complexity=0") == [Function("road.py:1", 1), Function("road.py:5", 1 + 4)]


def test_counted_strictly_every_condition_is_a_branch(tmp_path: Path):
    (tmp_path / "road.py").write_text(FUNCTIONS)
    # if, and, or; comprehension and two conditions; for, assert, except, conditional expression; two cases
    assert figures.branches(tmp_path) == [Function("road.py:1", 1), Function("road.py:5", 1 + 3 + 3 + 4 + 2)]


def test_docstrings_are_those_of_modules_classes_functions_fields_and_constants_and_no_other_strings():
    source = '''
        """Module."""
        LIMIT = 3
        """Constant."""
        class House:
            """Class."""
            rooms: int
            """Field."""
            def door(self):
                """Method."""
                return "no docstring"
    '''
    assert sorted(figures.docstrings(dedent(source))) == ["Class.", "Constant.", "Field.", "Method.", "Module."]


@pytest.mark.parametrize("docstring", ["What is too much.", "\n    Whether it is.", "Where: here."])
def test_a_docstring_may_begin_with_a_question(docstring: str):
    assert figures.begins_with_a_question(docstring)


@pytest.mark.parametrize("docstring", ["The limit; what is over it is cut.", "However many there are.", "Whole pods.", ""])
def test_or_with_anything_else(docstring: str):
    assert not figures.begins_with_a_question(docstring)


def test_every_figure_has_its_line(tree: Path, monkeypatch: pytest.MonkeyPatch):
    (tree / "pyproject.toml").write_text('[tool.hatch.build.targets.wheel]\npackages = ["operator/weighbridge"]\n')
    (tree / "operator/weighbridge/core/road.py").write_text('"""What a road is."""\n' + FUNCTIONS)
    monkeypatch.syspath_prepend(tree / "operator")
    monkeypatch.setattr(figures, "PACKAGE", "weighbridge")
    monkeypatch.setattr(figures, "CORE", Path("operator/weighbridge/core"))
    monkeypatch.setattr(figures, "ENTRIES", {"weighbridge": ("commands.say",)})
    by_ruff, strictly, parameters, circles, alone, docstrings, lines = figures.figures(tree)
    assert by_ruff == "complexity of the core's functions, by ruff (C901): mean 2.3, 95th percentile 5; over 10: 0"
    assert strictly == (
        "complexity of the core's functions, with each condition counted: mean 5.0, 95th percentile 13; over 10: 1: 13 (road.py:6)"
    )
    assert parameters == "functions of the core over 6 parameters (PLR0913): 1: 7 (road.py:6)"
    assert circles.startswith("circles of packages: 2; weighbridge.commands ~ weighbridge.parser; ")
    assert alone.startswith("modules that no entry reaches: 7; weighbridge.core.economics.price; ")
    assert docstrings == "docstrings that begin with What, Who, Whether, How, Where: 1 of 2"
    assert (
        lines == f"lines of the wheel: weighbridge {sum(text.count(chr(10)) for text in SOURCES.values()) + 1 + FUNCTIONS.count(chr(10))}"
    )
