"""Generated pages in lines that can be read and compared."""

import pytest

from generate.folded import WIDTH, folded

WORDS = " ".join(["word"] * 60)


def test_a_paragraph_and_an_item_become_lines_that_are_short_enough():
    page = folded(f"{WORDS}\n\n- {WORDS}\n  - {WORDS}\n")
    assert max(map(len, page.split("\n"))) <= WIDTH
    assert page.split() == f"{WORDS} - {WORDS} - {WORDS}".split()


def test_an_item_goes_on_below_its_first_word():
    lines = folded(f"1. {WORDS}").split("\n")
    assert len(lines) > 1
    assert all(line.startswith("   word") for line in lines[1:])


def test_short_lines_are_filled():
    assert folded("one\ntwo\n\nthree") == "one two\n\nthree"


@pytest.mark.parametrize(
    "kept", [f"# {WORDS}", f"| {WORDS} |", f"<!-- {WORDS} -->", f"```\n{WORDS}\n```", f"```yaml\na: 1\n\n{WORDS}\n```"]
)
def test_what_cannot_be_folded_stays(kept: str):
    assert folded(f"before\n{kept}\nafter") == f"before\n{kept}\nafter"


def test_code_and_links_are_not_divided():
    page = folded(f"{WORDS} `kubectl get iwl -A` [a page](https://example.com) {WORDS}")
    assert "`kubectl get iwl -A`" in page
    assert "[a page](https://example.com)" in page


@pytest.mark.parametrize("start", ["-", "+", "*", "#", ">", "|", "1."])
def test_no_line_begins_with_what_would_mean_something(start: str):
    for before in range(20, 40):
        page = folded(" ".join(["word"] * before) + f" {start} " + WORDS)
        assert not any(line.startswith(f"{start} ") for line in page.split("\n"))


def test_folding_twice_changes_nothing():
    page = f"# Title\n\n{WORDS} - {WORDS}\n\n- {WORDS}\n- `code of two words` {WORDS}\n\n| {WORDS} |\n"
    assert folded(folded(page)) == folded(page)
