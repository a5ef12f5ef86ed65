"""`steelyard bill`: files in, a comparison out; what cannot be used is answered with what to do."""

import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli import bill_file
from steelyard.cli.bill_file import bill_lines
from steelyard.cli.document import document
from steelyard.cli.main import main
from unit.cli.golden_text import FOLDER, bill_text, bill_view
from unit.core.bills import MACHINE, OTHER, row

ROWS = [row(hour=h) for h in range(24)]
RECORD = {
    "node": "n",
    "resource": f"aws:///us-east-1a/{MACHINE}",
    "pool": "inf2",
    "instanceType": "inf2.xlarge",
    "start": "2026-03-01T00:00:00+00:00",
    "end": "2026-03-02T00:00:00+00:00",
    "cost": "24.0",
    "currency": "USD",
    "priceClass": "Contracted",
}


@pytest.fixture
def bill(tmp_path: Path) -> Callable[..., str]:
    def write(rows: list[dict[str, Any]], name: str = "bill.csv") -> str:
        path = tmp_path / name
        columns = sorted({column for each in rows for column in each})
        with gzip.open(path, "wt", newline="") if name.endswith(".gz") else path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        return str(path)

    return write


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[..., str]:
    def write(*records: dict[str, Any], name: str = "operator.log") -> str:
        path = tmp_path / name
        if name.endswith(".csv"):
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(RECORD))
                writer.writeheader()
                writer.writerows(records)
        elif name.endswith(".log"):
            lines = [
                '{"message": "synced"}',
                *(json.dumps({"message": "a node's cost", "nodeCost": r}) for r in records),
                '{"nodeCost": {"cut',
            ]
            path.write_text("\n".join(lines))
        else:
            path.write_text(json.dumps(records, indent=2))
        return str(path)

    return write


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["bill", *arguments, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    assert main(["bill", *arguments]) == 2
    out, err = capsys.readouterr()
    what, todo = err.splitlines()
    assert out == ""
    return what.removeprefix("error: "), todo.removeprefix("  try: ")


def test_people_read_what_the_golden_file_shows() -> None:
    assert bill_text() == (FOLDER / "bill.txt").read_text()


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert max(map(len, bill_text(width).splitlines())) <= width


def test_no_control_character_of_a_file_reaches_the_terminal(capsys, bill, ledger) -> None:
    evil = {"resource": "vm\x1b[2J", "node": "n\u202e", "pool": "p\x07"}
    code = main(["bill", ledger(RECORD | evil, RECORD), bill([*ROWS, row(BillingCurrency="\x1b[1m")])])
    assert code == 1
    assert all(character == "\n" or character.isprintable() for character in capsys.readouterr().out)


def test_agreement_is_not_said_of_prices_that_claim_nothing(capsys, bill, ledger) -> None:
    for word, said in (("Contracted", "the ledger agrees with the bill\n"), ("List", "where its prices claim to be what is paid\n")):
        assert main(["bill", ledger(RECORD | {"priceClass": word}), bill(ROWS)]) == 0
        assert capsys.readouterr().out.endswith(said)


def test_json_has_every_figure_and_null_for_what_is_not_known() -> None:
    whole = document("Bill", datetime(2026, 3, 2, tzinfo=UTC), bill_view())
    assert json.loads(json.dumps(whole)) == whole
    strange = next(n for n in whole["nodes"] if n["resource"] == "i-0cccccccc")
    assert (strange["pool"], strange["ledger"], strange["difference"]) == (None, None, None)
    g5 = next(p for p in whole["pools"] if p["pool"] == "g5")["difference"]
    assert Decimal(g5["hours"]) + Decimal(g5["priceClass"]) + Decimal(g5["commitment"]) == Decimal(g5["total"])


@pytest.mark.parametrize("name", ["operator.log", "ledger.json", "ledger.csv"])
@pytest.mark.parametrize("export", ["bill.csv", "bill.csv.gz"])
def test_every_form_of_both_files_is_read(capsys, bill, ledger, name: str, export: str) -> None:
    code, found = answer(capsys, ledger(RECORD, name=name), bill(ROWS, export))
    assert code == 0
    assert [(p["pool"], p["ledger"], p["bill"], p["within"]) for p in found["pools"]] == [("inf2", "24.0", "24.0", True)]
    assert found["apiVersion"] == "cli.steelyard.dev/v1"


def test_a_log_of_several_pods_is_read_with_their_names_before_each_line(capsys, bill, ledger, tmp_path: Path) -> None:
    lines = Path(ledger(RECORD)).read_text().splitlines()
    prefixed = tmp_path / "prefixed.log"
    prefixed.write_text("\n".join(f"[pod/steelyard-1/operator] {each}" for each in lines))
    assert answer(capsys, str(prefixed), bill(ROWS))[0] == 0


def test_parquet_says_what_csv_says(capsys, bill, ledger, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tagged = [row(hour=h, Tags='{"pools": "yes"}') for h in range(24)]
    typed = [
        each
        | {
            "EffectiveCost": Decimal(each["EffectiveCost"]),
            "BilledCost": float(each["BilledCost"]),
            "ChargePeriodStart": datetime.fromisoformat(each["ChargePeriodStart"]),
            "ChargePeriodEnd": datetime.fromisoformat(each["ChargePeriodEnd"]),
            "Tags": [("pools", "yes")],
            "Unread": "x",
        }
        for each in tagged
    ]
    tags = pa.map_(pa.string(), pa.string())
    columns = {name: [each[name] for each in typed] for name in typed[0]}
    table = pa.table({name: pa.array(values, tags) if name == "Tags" else pa.array(values) for name, values in columns.items()})
    path = tmp_path / "bill.parquet"
    pq.write_table(table, path)
    assert list(bill_lines([str(path)])) == list(bill_lines([bill(tagged)]))
    assert answer(capsys, ledger(RECORD), str(path))[0] == 0


def test_parquet_without_pyarrow_says_how_to_get_it(capsys, ledger, tmp_path: Path, monkeypatch) -> None:
    def none(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(bill_file, "import_module", none)
    what, todo = failure(capsys, ledger(RECORD), str(tmp_path / "bill.parquet"))
    assert "pyarrow is not installed" in what
    assert todo == "pip install 'steelyard[bill]' (in a checkout: pip install '.[bill]'), or export the bill as CSV"


def test_all_parts_of_a_bill_are_one(capsys, bill, ledger) -> None:
    code, found = answer(capsys, ledger(RECORD), bill(ROWS[:12], "1.csv"), bill(ROWS[12:], "2.csv"))
    assert (code, found["effective"]) == (0, "24.0")


@pytest.mark.parametrize(
    ("tag", "looked_for"), [("pools", True), ("pools=yes", True), ("pools=no", False), ("other", False), (None, False)]
)
def test_a_tag_finds_nodes_that_the_ledger_does_not_know(capsys, bill, ledger, tag: str | None, looked_for: bool) -> None:
    rows = [*ROWS, row(5.0, resource=OTHER, Tags='{"pools": "yes"}')]
    code, found = answer(capsys, ledger(RECORD), bill(rows), *(["--tag", tag] if tag else []))
    assert code == (1 if looked_for else 0)
    assert [n["resource"] for n in found["nodes"] if n["pool"] is None] == ([OTHER] if looked_for else [])


def test_days_can_be_chosen(capsys, bill, ledger) -> None:
    days = [RECORD, RECORD | {"start": "2026-03-02T00:00:00Z", "end": "2026-03-02T01:00:00Z", "cost": "9"}]
    assert answer(capsys, ledger(*days), bill(ROWS), "--until", "2026-03-01")[0] == 0
    assert answer(capsys, ledger(*days), bill(ROWS))[0] == 1
    what, todo = failure(capsys, ledger(*days), bill(ROWS), "--since", "2026-04-01")
    assert "no record of a node on these days" in what
    assert "--since" in todo
    with pytest.raises(SystemExit):
        main(["bill", "l", "b", "--since", "yesterday"])


def test_a_bill_in_another_currency_is_not_converted(capsys, bill, ledger) -> None:
    what, todo = failure(capsys, ledger(RECORD), bill([each | {"BillingCurrency": "EUR"} for each in ROWS]))
    assert what == "the bill is in EUR and the ledger in USD: nothing is converted"
    assert "config.currency" in todo


def test_a_bill_that_cannot_be_used_says_where(capsys, bill, ledger, tmp_path: Path) -> None:
    what, todo = failure(capsys, ledger(RECORD), bill([{"lineItem/UnblendedCost": "1"}]))
    assert "has no column BilledCost, EffectiveCost" in what
    assert "FOCUS" in todo
    what, _ = failure(capsys, ledger(RECORD), bill([*ROWS, row() | {"EffectiveCost": "?"}]))
    assert "row 25: EffectiveCost '?' is not a number" in what
    what, _ = failure(capsys, ledger(RECORD), bill([row(Tags="[1]")]))
    assert "row 1: Tags '[1]' is not a JSON object" in what
    what, _ = failure(capsys, ledger(RECORD), str(tmp_path / "none.csv"))
    assert "No such file or directory" in what
    for name in ("broken.parquet", "broken.csv.gz"):
        (tmp_path / name).write_text("no such thing")
        assert name in failure(capsys, ledger(RECORD), str(tmp_path / name))[0]


def test_a_download_that_was_cut_or_damaged_is_no_difference(capsys, bill, ledger, tmp_path: Path) -> None:
    whole = gzip.compress(Path(bill(ROWS)).read_bytes())
    for name, found in (("cut.csv.gz", whole[: len(whole) // 2]), ("damaged.csv.gz", whole[:10] + b"\xff" * 40 + whole[50:])):
        (tmp_path / name).write_bytes(found)
        assert f"{name} cannot be read" in failure(capsys, ledger(RECORD), str(tmp_path / name))[0]


def test_a_ledger_with_a_cell_that_no_reader_takes_is_named(capsys, bill, tmp_path: Path) -> None:
    (tmp_path / "ledger.csv").write_text("resource,parts\na," + "x" * 200_000 + "\n")
    assert "ledger.csv" in failure(capsys, str(tmp_path / "ledger.csv"), bill(ROWS))[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cost": "much"}, "record 2: could not convert"),
        ({"cost": "inf"}, "record 2: cost 'inf' is not a finite number"),
        ({"end": "2026-03-01T00:00:00Z"}, "is not after start"),
        ({"priceClass": "Guessed"}, "record 2: 'Guessed' is not a valid PriceClass"),
        ({"currency": "EUR"}, "records in EUR and USD"),
    ],
)
def test_a_ledger_that_cannot_be_used_says_where(capsys, bill, ledger, change: dict[str, str], why: str) -> None:
    assert why in failure(capsys, ledger(RECORD, RECORD | change), bill(ROWS))[0]


def test_a_ledger_without_records_says_where_they_come_from(capsys, bill, ledger, tmp_path: Path) -> None:
    what, todo = failure(capsys, ledger(), bill(ROWS))
    assert "has no record of a node's cost" in what
    assert "log.format json" in todo
    missing = {key: value for key, value in RECORD.items() if key != "pool"}
    assert "record 1: pool is missing" in failure(capsys, ledger(missing, name="l.json"), bill(ROWS))[0]
    for name, text in (("l.json", "[{]"), ("l2.json", "[1]")):
        (tmp_path / name).write_text(text)
        assert name in failure(capsys, str(tmp_path / name), bill(ROWS))[0]
    assert "No such file" in failure(capsys, str(tmp_path / "none"), bill(ROWS))[0]
