"""A Prometheus of a test's own, on this machine, that scrapes one address as the chart's ServiceMonitor would."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from chart.helm import NAMESPACE

JOB = "steelyard-metrics"


def program() -> Path | None:
    """On PATH, or built before; None where there is neither."""
    from cluster import binaries

    found = shutil.which("prometheus")
    if found is None and not binaries.is_there("prometheus"):
        return None
    return Path(found) if found else binaries.programs(["prometheus"])["prometheus"]


@contextmanager
def prometheus(program: Path, folder: Path, address: str, seconds: int = 1) -> Iterator[str]:
    """Its URL; `address`: host and port of /metrics."""
    scrape = {
        "job_name": JOB,
        "honor_labels": True,
        "static_configs": [{"targets": [address], "labels": {"namespace": NAMESPACE}}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yaml").write_text(
        yaml.safe_dump({"global": {"scrape_interval": f"{seconds}s", "scrape_timeout": f"{seconds}s"}, "scrape_configs": [scrape]})
    )
    options = {"config.file": folder / "prometheus.yaml", "storage.tsdb.path": folder / "data", "web.listen-address": "127.0.0.1:0"}
    command = [str(program), *(f"--{name}={value}" for name, value in options.items())]
    with (folder / "prometheus.log").open("w") as log, subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL) as process:
        try:
            yield _url(folder / "prometheus.log", process)
        finally:
            process.terminate()


def _url(log: Path, process: subprocess.Popen[bytes]) -> str:
    from cluster.waiting import wait_until
    from patience import PATIENCE

    def ready() -> str | None:
        assert process.poll() is None, log.read_text()
        said = log.read_text()
        found = re.search(r'msg="?Listening on"? .*?address=(127\.0\.0\.1:\d+)', said)
        return f"http://{found[1]}" if found and "Server is ready" in said else None

    return wait_until("Prometheus", ready, seconds=PATIENCE, logs=(log,))
