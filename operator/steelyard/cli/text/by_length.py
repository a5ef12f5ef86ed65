"""At which lengths of requests a claim holds, as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import itemgetter

from steelyard.cli.view.claim_row import ClaimRow

WORDS = {"Confirmed": "true", "Refuted": "false"}
AS_THEY_ARE = Decimal(1)


def by_length(row: ClaimRow) -> str | None:
    """At which lengths a claim holds; None of one that was judged at no other."""
    if not row.lengths:
        return None
    said: dict[str, list[Decimal]] = {}
    words = {AS_THEY_ARE: row.verdict} | {each.factor: each.verdict for each in row.lengths if each.factor is not None}
    for factor, word in sorted(words.items(), key=itemgetter(0)):
        said.setdefault(WORDS.get(word or "", "open"), []).append(factor)
    if len(said) == 1:
        return f"{next(iter(said))} with the lengths as they are, and with all lengths times {_and(each.factor for each in row.lengths)}"
    return ", ".join(f"{word} {_at(said[word])}" for word in ("true", "false", "open") if word in said)


def _at(found: Sequence[Decimal]) -> str:
    times = [each for each in found if each != AS_THEY_ARE]
    parts = ["with the lengths as they are"] if AS_THEY_ARE in found else []
    return " and ".join([*parts, *([f"with all lengths times {_and(times)}"] if times else [])])


def _and(found: Iterable[Decimal | None]) -> str:
    return " and ".join(f"{each:f}" for each in found if each is not None)
