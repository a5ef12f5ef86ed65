"""Who reads /metrics of an operator with the chart's account, roles and certificate, as a real API server says."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from chart.helm import ROOT, outlasting, rendered, the
from chart.scraper import Scraper
from cluster.bearer import token_of
from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from patience import PATIENCE
from stub.operator_process import OperatorProcess, config

pytestmark = pytest.mark.apiserver


def test_metrics_are_for_bearers_of_a_token_with_the_right_and_probes_for_everybody(control_plane: Cluster, tmp_path: Path) -> None:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    control_plane.until_established()
    with new_namespace(control_plane, "release") as release:
        settings = config(release)
        chart = rendered({"crds": {"install": False}, "config": settings}, namespace=release)
        control_plane.apply(yaml.safe_dump_all(chart))
        data = the(chart, "Secret")["data"]
        for name, value in data.items():
            (tmp_path / name).write_bytes(base64.b64decode(value))
        kubeconfig = control_plane.kubeconfig_with_token(token_of(control_plane, release, "steelyard"), release)
        scraper = Scraper(control_plane, release)
        scraper.trust()
        try:
            with OperatorProcess(kubeconfig, release, tmp_path, settings, certificate=tmp_path) as operator:
                port = operator.port()

                def ask(token: str | None = None) -> tuple[int, str]:
                    return scraper.ask("127.0.0.1", port, token)

                assert ask("") == (401, "a bearer token that this cluster's API server knows is needed\n")
                assert ask("made.up.token")[0] == 401
                # The operator's own roles are known to the API server a moment after they are stored: until then it cannot ask.
                wait_until("the answer to be no", lambda: ask()[0] == 403, seconds=PATIENCE)
                scraper.allow()
                wait_until("the minute to be over for which a no is believed", lambda: ask()[0] == 200, seconds=PATIENCE)
                assert "steelyard_api_requests_total{" in ask()[1]
                plain = f"http://127.0.0.1:{operator.port('port')}"
                with urllib.request.urlopen(f"{plain}/livez", timeout=PATIENCE) as answer:
                    assert answer.status == 200
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"{plain}/metrics", timeout=PATIENCE)
        finally:
            scraper.forbid()
            for one in outlasting(chart, release):
                control_plane.kubectl("delete", *one, "--wait=false")
