"""Where there is no browser its tests fail, and say what to do; one of another name is found."""

from __future__ import annotations

import pytest

from browser.chromium import chromium, program
from cluster import packages


def there(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    monkeypatch.setattr(packages, "find", lambda name: f"/usr/bin/{name}" if name in programs else None)


def test_without_one_it_is_said_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there(monkeypatch)
    assert packages.missing("browser") == ["chromium"]
    with pytest.raises(AssertionError, match="apt-get install chromium"), chromium():
        pass


@pytest.mark.parametrize("name", ["chromium", "google-chrome"])
def test_one_of_another_name_does_as_well(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there(monkeypatch, name)
    assert packages.missing("browser") == []
    assert program() == f"/usr/bin/{name}"
