"""The extra `local` is the group `compile`, which a published package does not have: what is changed in one is changed in both."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_extra_has_what_the_compile_image_has() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = told["dependency-groups"]

    def flat(name: str) -> list[str]:
        return [one for each in groups[name] for one in (flat(each["include-group"]) if isinstance(each, dict) else [each])]

    assert sorted(told["project"]["optional-dependencies"]["local"]) == sorted(flat("compile"))
