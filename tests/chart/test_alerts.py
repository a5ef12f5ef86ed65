"""Alerts, dashboard and runbooks speak of metrics that the operator has."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
import yaml

from chart.helm import ROOT, of_kind, rendered, the
from chart.queries import EMPTY_BY_DESIGN, queries
from steelyard.control.telemetry.metrics import HISTOGRAMS, counter_families, gauge_families
from steelyard.core.facts.price import OLD_AFTER, Price
from steelyard.core.vocabulary.reading import Fresh

RUNBOOKS = ROOT / "docs/runbooks"
ALERTS = {
    "SteelyardLeaderAbsent",
    "SteelyardDecisionCycleStale",
    "SteelyardWorkloadHeld",
    "SteelyardSLONotMet",
    "SteelyardCompileFailing",
    "SteelyardPriceStale",
    "SteelyardInputRejected",
    "SteelyardExitProofStale",
}
SEVERITIES = {"critical", "warning", "info"}


def _rule(**values):
    return the(rendered({"crds": {"install": False}, "prometheusRule": {"enabled": True, **values}}), "PrometheusRule")


def _alerts(**values):
    [group] = _rule(**values)["spec"]["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def _dashboard(currency="USD"):
    objects = rendered({"crds": {"install": False}, "dashboard": {"enabled": True}, "config": {"currency": currency}})
    [shown] = [one for one in of_kind(objects, "ConfigMap") if "steelyard.json" in one["data"]]
    return json.loads(shown["data"]["steelyard.json"])


def _labels_by_metric(currency="usd"):
    return {
        **{f"{family.name}_total": set(family.labels) for family in counter_families(currency)},
        **{family.name: set(family.labels) for family in gauge_families(currency)},
        **{f"{family.name}_{part}": set(family.labels) for family in HISTOGRAMS for part in ("bucket", "sum", "count")},
    }


def _check(expression, known):
    used = re.findall(r"(steelyard_[a-z_]+)(?:\{([^}]*)\})?", expression)
    assert used, expression
    for metric, selector in used:
        assert metric in known, f"{metric} is not in operator/steelyard/control/telemetry/metrics.py"
        for label in re.findall(r"(\w+)\s*(?:=|!=|=~|!~)\s*\"", selector):
            assert label in known[metric] | {"job", "namespace"}, f"{metric} has no label {label}"
    kept = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
    assert kept <= {"le"}.union(*(known[metric] for metric, _ in used)), expression


def test_there_are_exactly_the_known_alerts():
    assert set(_alerts()) == ALERTS


def test_every_alert_uses_metrics_that_exist():
    for alert in _alerts().values():
        _check(alert["expr"], _labels_by_metric())


def test_every_alert_says_what_it_means_and_where_to_read_on():
    for name, alert in _alerts().items():
        assert alert["labels"]["severity"] in SEVERITIES
        assert {"summary", "description", "runbook"} == set(alert["annotations"]), "an address that nobody gave leads nowhere"
        assert alert["annotations"]["runbook"] == f"docs/runbooks/{name}.md"
        page = (RUNBOOKS / f"{name}.md").read_text()
        assert page.startswith(f"# {name}: ")
        assert f"Severity: {alert['labels']['severity']}." in page
        for part in ("## What it means", "## What to look at", "## What to do", "## Done when"):
            assert part in page
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))
        kept = re.search(r" by \(([^)]*)\)", alert["expr"])
        assert used <= set(re.split(r",\s*", kept[1]) if kept else [])


def test_there_is_no_page_without_an_alert():
    assert {path.stem for path in RUNBOOKS.glob("Steelyard*.md")} == ALERTS


def test_links_between_pages_lead_somewhere():
    for page in RUNBOOKS.glob("*.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (RUNBOOKS / link).exists(), f"{page.name}: {link}"


def test_thresholds_and_names_are_values():
    alerts = _alerts(
        heldSeconds=7200,
        priceAgePercent=50,
        compileFailingSeconds=600,
        disabled=["SteelyardInputRejected"],
        runbookUrl="https://example.com/r",
    )
    assert alerts["SteelyardWorkloadHeld"]["for"] == "7200s"
    assert alerts["SteelyardCompileFailing"]["for"] == "600s"
    assert alerts["SteelyardPriceStale"]["expr"].endswith("> 50 / 100")
    assert "SteelyardInputRejected" not in alerts
    assert alerts["SteelyardSLONotMet"]["annotations"]["runbook_url"] == "https://example.com/r/SteelyardSLONotMet.md"


def test_an_alert_leads_to_its_workload_on_the_dashboard_where_there_is_a_grafana():
    alerts = _alerts(grafanaUrl="https://grafana.example.com")
    there = "https://grafana.example.com/d/steelyard"
    assert alerts["SteelyardLeaderAbsent"]["annotations"]["dashboard_url"] == there
    of_workload = f"{there}?var-namespace={{{{ $labels.namespace }}}}&var-workload={{{{ $labels.workload }}}}"
    assert alerts["SteelyardSLONotMet"]["annotations"]["dashboard_url"] == of_workload
    assert _dashboard()["uid"] == "steelyard"


@pytest.mark.parametrize("price_class", [each for each, limit in OLD_AFTER.items() if limit is not None])
def test_an_old_price_is_told_before_it_holds_moves_and_not_long_before(price_class):
    expression = _alerts()["SteelyardPriceStale"]["expr"]
    found = re.fullmatch(r"max by \(pool\) \(steelyard_price_age_seconds / steelyard_price_validity_seconds\) > (\d+) / 100", expression)
    assert found, expression
    now = datetime(2026, 11, 27, tzinfo=UTC)
    validity = Price(1.0, price_class, now).good_for
    told_at = validity * int(found[1]) / 100
    assert isinstance(Price(1.0, price_class, now - told_at).reading(now), Fresh), "it can still be renewed in time"
    assert told_at > 2 * OLD_AFTER[price_class], "a price that is worth something is not told"


def test_alerts_on_the_operator_name_its_own_service():
    objects = rendered({"crds": {"install": False}, "prometheusRule": {"enabled": True}, "serviceMonitor": {"enabled": True}})
    service = the(objects, "Service")["metadata"]
    expression = _alerts()["SteelyardLeaderAbsent"]["expr"]
    assert f'job="{service["name"]}", namespace="{service["namespace"]}"' in expression
    assert the(objects, "ServiceMonitor")["spec"]["endpoints"][0]["honorLabels"] is True


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_every_panel_annotation_and_variable_uses_metrics_and_labels_that_exist(currency):
    shown, known = _dashboard(currency), _labels_by_metric(currency.lower())
    panels = [panel for panel in shown["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in shown["panels"]}) == len(shown["panels"])
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    asked += [each["expr"] for each in shown["annotations"]["list"]]
    asked += [each["query"] for each in shown["templating"]["list"] if each["type"] == "query"]
    for expression in asked:
        _check(expression, known)


def test_every_panel_says_what_it_shows_and_lies_on_no_other():
    taken = {}
    for panel in _dashboard()["panels"]:
        assert panel["type"] == "row" or panel["description"].endswith("."), panel["title"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]


def test_names_of_series_are_labels_that_their_query_keeps():
    for panel in _dashboard()["panels"]:
        for target in panel.get("targets", ()):
            kept = {label.strip() for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in by.split(",")}
            assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= kept, panel["title"]


def test_what_is_empty_by_design_is_asked():
    """An entry of a panel that is no more would hide the next one of its name."""
    asked = {query.where.replace("(USD)", "(MONEY)") for query in queries(_dashboard(), _alerts().values())}
    assert set(EMPTY_BY_DESIGN) <= asked


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_panels_of_money_say_the_currency_and_have_its_unit(currency):
    shown = _dashboard(currency)
    money = [panel for panel in shown["panels"] if panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "").startswith("currency")]
    assert len(money) >= 5
    assert all(panel["fieldConfig"]["defaults"]["unit"] == f"currency{currency}" and currency in panel["title"] for panel in money)
    assert "CURRENCY" not in json.dumps(shown) and "MONEY" not in json.dumps(shown)


def test_prometheus_takes_the_rules(tmp_path):
    from cluster import binaries

    found = shutil.which("prometheus")
    if not found and not binaries.is_there("prometheus"):
        pytest.skip("no prometheus here: python -m cluster build prometheus")
    program = found or binaries.programs(["prometheus"])["prometheus"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(_rule()["spec"]))
    (tmp_path / "prometheus.yaml").write_text("rule_files: [rules.yaml]\n")
    command = [
        program,
        "--config.file",
        tmp_path / "prometheus.yaml",
        "--storage.tsdb.path",
        tmp_path / "data",
        "--web.listen-address",
        "127.0.0.1:0",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as process:
        assert process.stderr
        try:
            log = []
            for line in process.stderr:
                log.append(line)
                if "Server is ready" in line:
                    break
            else:
                pytest.fail("".join(log))
        finally:
            process.terminate()
