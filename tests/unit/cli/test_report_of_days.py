"""`steelyard report WORKLOAD --ledger FILE --bill FILE`: what its nodes cost over some days adds up, in the page, the CSV and the JSON."""

import csv
import io
import json
from decimal import Decimal

import pytest

from steelyard.cli.main import main
from unit.cli.fake_api import fake_api
from unit.cli.html_page import Page
from unit.cli.situations import balanced
from unit.core.bills import MACHINE, OTHER, row

PARTS = {
    ("shop/minilm", "Allocated"): "0.30",
    ("shop/minilm", "Transition"): "0.10",
    ("shop/minilm", "Trial"): "0.15",
    ("shop/other", "Allocated"): "0.05",
    ("", "Idle"): "0.25",
    ("", "Overhead"): "0.05",
    ("", "Shared"): "0.10",
}
PURPOSES = ("used", "idle", "start", "moves", "trials", "shared", "otherWorkloads", "others", "untold")


def record(hour, resource=MACHINE, pool="cpu-amx", cost="1.0", parts=PARTS):
    return {
        "resource": f"aws:///us-east-1a/{resource}",
        "pool": pool,
        "start": f"2026-03-01T{hour:02}:00:00+00:00",
        "end": f"2026-03-01T{hour:02}:59:59.999999+00:00" if hour == 23 else f"2026-03-01T{hour + 1:02}:00:00+00:00",
        "cost": cost,
        "currency": "USD",
        "priceClass": "Contracted",
        "parts": [{"workload": workload, "component": component, "cost": money} for (workload, component), money in parts.items()],
    }


def logged(path, records):
    path.write_text("\n".join(json.dumps({"message": "a node's cost", "nodeCost": each}) for each in records))
    return str(path)


def billed(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.fixture
def asked(tmp_path, capsys):
    """The command's (exit code, standard output, standard error)."""
    with fake_api(tmp_path) as (api, config):
        api.put("inferenceworkloads", balanced().workloads[0])
        for pool in balanced().pools:
            api.put("acceleratorpools", pool)

        def run(*arguments):
            code = main(["report", "minilm", "--kubeconfig", config, *arguments])
            out, err = capsys.readouterr()
            return code, out, err

        yield run


@pytest.fixture
def files(tmp_path):
    """A ledger of 20 hours of one machine and 6 of another, and the bill of 24 and 6: the ledger's operator was away, and an hour costs more."""
    ledger = [*(record(hour) for hour in range(20)), *(record(hour, OTHER, "cpu-avx") for hour in range(6))]
    bill = [*(row(1.1, hour=hour) for hour in range(24)), *(row(1.0, hour=hour, resource=OTHER) for hour in range(6))]
    return logged(tmp_path / "operator.log", ledger), billed(tmp_path / "bill.csv", bill)


def test_the_parts_sum_to_price_times_hours_and_with_the_rest_to_the_bill(asked, files):
    ledger, bill = files
    code, out, _ = asked("--ledger", ledger, "--bill", bill, "-o", "json")
    assert code == 0
    told = json.loads(out)["period"]
    for each in (*told["pools"], told["together"]):
        assert sum(Decimal(each[purpose]) for purpose in PURPOSES) == Decimal(each["ledger"])
        of_bill = {name: Decimal(value) for name, value in each["bill"].items()}
        assert Decimal(each["ledger"]) - of_bill["missing"] + of_bill["rest"] == of_bill["amount"]
        assert of_bill["restHours"] + of_bill["restPriceClass"] + of_bill["restCommitment"] == of_bill["rest"]
    together = told["together"]
    assert (told["currency"], told["firstDay"], told["lastDay"]) == ("USD", "2026-03-01", "2026-03-01")
    assert [Decimal(together[of]) for of in ("hours", "used", "moves", "trials", "ledger")] == [
        26,
        Decimal("7.8"),
        Decimal("2.6"),
        Decimal("3.9"),
        26,
    ]
    assert (Decimal(together["bill"]["amount"]), Decimal(together["bill"]["rest"])) == (Decimal("32.4"), Decimal("6.4"))
    assert Decimal(together["bill"]["restPercent"]) == pytest.approx(Decimal("19.753086"), rel=Decimal("1e-6"))
    assert told["gaps"] == [{"day": "2026-03-01", "hours": "4.0"}]


def test_the_page_has_a_line_a_purpose_the_sum_the_bill_and_the_rest_and_says_what_is_missing(asked, files):
    ledger, bill = files
    _, out, _ = asked("--ledger", ledger, "--bill", bill, "--to", "-")
    texts = [text for _, text in Page(out).texts]

    def line(head):
        at = texts.index(head)
        return texts[at + 1 : at + 4]

    at = texts.index("USD, 2026-03-01 to 2026-03-01 (UTC)")
    assert texts[at + 1 : at + 4] == ["cpu-amx", "cpu-avx", "Together"]
    assert line("Hours of nodes") == ["20.0", "6.0", "26.0"]
    assert line("Price of an hour, in the mean") == ["1.00", "1.00", "1.00"]
    assert line("Used by the workload") == ["6.00", "1.80", "7.80"]
    assert line("Idle: nobody asked for it") == ["5.00", "1.50", "6.50"]
    assert line("Start: nodes before they were ready") == ["1.00", "0.300", "1.30"]
    assert line("Moves and explorations") == ["2.00", "0.600", "2.60"]
    assert line("Trials and exit drills") == ["3.00", "0.900", "3.90"]
    assert line("Sum") == ["20.00", "6.00", "26.00"]
    assert line("Hours billed") == ["24.0", "6.0", "30.0"]
    assert line("Billed") == ["26.40", "6.00", "32.40"]
    assert line("Unexplained rest") == ["6.40 (+24.2 %)", "0.00 (+0.0 %)", "6.40 (+19.8 %)"]
    assert "2026-03-01: the ledger has no record for 4.0 of 24 hours: no pool had a node, or no operator led" in texts
    said = "cpu-amx: of the rest 4.00 are other hours than the ledger saw, 2.40 another price before commitments, 0.00 commitments"
    assert said in texts
    assert "Pods of somebody else" not in texts, "there are none"


def test_for_a_spreadsheet_there_is_a_row_a_pool_and_one_for_all(asked, files):
    ledger, bill = files
    _, out, _ = asked("--ledger", ledger, "--bill", bill, "-o", "csv")
    rows = {each["pool"]: each for each in csv.DictReader(io.StringIO(out), strict=True)}
    assert list(rows) == ["cpu-amx", "cpu-avx", "together"]
    assert (rows["cpu-amx"]["trials and exit drills (USD)"], rows["cpu-amx"]["sum (USD)"]) == ("3.0", "20.0")
    assert (rows["cpu-amx"]["billed (USD)"], rows["cpu-amx"]["unexplained rest (USD)"]) == ("26.4", "6.4")


def test_without_a_bill_there_is_the_sum_and_nothing_to_compare_it_with(asked, files):
    _, out, _ = asked("--ledger", files[0], "-o", "json")
    together = json.loads(out)["period"]["together"]
    assert (together["ledger"], together["bill"]) == ("26.0", None)
    _, out, _ = asked("--ledger", files[0], "--to", "-")
    texts = [text for _, text in Page(out).texts]
    assert "Sum" in texts and "Unexplained rest" not in texts
    _, out, _ = asked("-o", "json")
    assert json.loads(out)["period"] is None


def test_a_machine_that_the_bill_does_not_have_and_a_node_without_a_price_are_said(asked, tmp_path):
    ledger = [*(record(hour) for hour in range(24)), *(record(hour, OTHER, "cpu-avx") for hour in range(24))]
    dark = [record(0, "i-0000000000000aaaa", cost=None, parts={}), record(1, "i-0000000000000aaaa")]
    files = logged(tmp_path / "operator.log", [*ledger, *dark]), billed(tmp_path / "bill.csv", [row(hour=hour) for hour in range(24)])
    _, out, _ = asked("--ledger", files[0], "--bill", files[1], "--to", "-")
    texts = [text for _, text in Page(out).texts]
    at = texts.index("Of it not in the bill")
    assert texts[at + 1 : at + 4] == ["0.00", "24.00", "24.00"]
    assert "cpu-amx: 1 node-day left out, because the ledger has no price there" in texts


def test_what_cannot_be_answered_is_said_with_what_to_give(asked, files, tmp_path):
    ledger, bill = files
    code, _, err = asked("--bill", bill)
    assert (code, err.splitlines()[1]) == (2, "  try: give the operator's log with --ledger")
    code, _, err = asked("--since", "2026-03-01")
    assert (code, err.splitlines()[1]) == (2, "  try: give the operator's log with --ledger")
    code, _, err = asked("--ledger", ledger, "--trial")
    assert (code, err.splitlines()[1]) == (2, "  try: leave out --ledger, or --trial")
    older = logged(tmp_path / "older.log", [{name: value for name, value in record(0).items() if name != "parts"}])
    code, _, err = asked("--ledger", older)
    assert code == 2
    assert "the ledger has no cost of the workload shop/minilm on these days" in err
    code, _, err = asked("--ledger", ledger, "--since", "2026-03-02")
    assert code == 2
    broken = logged(tmp_path / "broken.log", [{**record(0), "parts": [{"workload": "shop/minilm", "component": "Trial", "cost": "much"}]}])
    code, _, err = asked("--ledger", broken)
    assert (code, "record 1" in err) == (2, True)


def in_euros(each):
    return {name: "EUR" if value == "USD" else value for name, value in each.items()}


def test_a_bill_in_another_currency_is_compared_with_nothing_and_says_so(asked, tmp_path):
    ledger = logged(tmp_path / "operator.log", [record(hour) for hour in range(24)])
    euros = [in_euros(row(1.1, hour=hour)) for hour in range(24)]
    code, out, err = asked("--ledger", ledger, "--bill", billed(tmp_path / "bill.csv", euros), "-o", "json")
    assert (code, out) == (2, "")
    assert "the bill is in EUR and the ledger in USD: nothing is converted" in err

    mixed = [*(row(1.1, hour=hour) for hour in range(12)), *euros[12:]]
    _, out, _ = asked("--ledger", ledger, "--bill", billed(tmp_path / "bill.csv", mixed), "-o", "json")
    told = json.loads(out)["period"]
    assert [(each["currency"], Decimal(each["amount"])) for each in told["foreign"]] == [("EUR", Decimal("13.2"))]
    assert Decimal(told["together"]["bill"]["amount"]) == Decimal("13.2"), "that in the ledger's currency"
    _, out, _ = asked("--ledger", ledger, "--bill", billed(tmp_path / "bill.csv", mixed), "--to", "-")
    assert any("13.20 EUR besides, which are not converted" in text for _, text in Page(out).texts)


def test_a_whole_day_without_a_record_is_said_and_what_its_bill_is_in(asked, tmp_path):
    def on(day, each):
        return {name: value.replace("2026-03-01", day) if isinstance(value, str) else value for name, value in each.items()}

    days = ("2026-03-01", "2026-03-03")
    ledger = logged(tmp_path / "operator.log", [on(day, record(hour)) for day in days for hour in range(24)])
    _, out, _ = asked("--ledger", ledger, "-o", "json")
    assert json.loads(out)["period"]["gaps"] == [{"day": "2026-03-02", "hours": "24.0"}]
    bill = billed(tmp_path / "bill.csv", [on(day, row(1.0, hour=hour)) for day in days for hour in range(23)])
    _, out, _ = asked("--ledger", ledger, "--bill", bill, "--to", "-")
    (said,) = [text for _, text in Page(out).texts if text.startswith("2026-03-02")]
    assert "no record for 24.0 of 24 hours" in said
    assert "what the bill has for that day is in no figure here" in said
