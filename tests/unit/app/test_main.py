"""How the operator's command ends where it cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.app.main import main
from steelyard.control.kube.credentials import CredentialsMissing
from steelyard.control.listening import EVERYWHERE


def test_a_certificate_that_cannot_be_used_ends_the_start_with_the_folder_and_what_belongs_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steelyard.app.main.configure", lambda **_: None)  # else the logs of all later tests would go there
    (tmp_path / "config.yaml").write_text("log: {level: ERROR}\n")
    (tmp_path / "tls.crt").write_text("not a certificate")
    assert main(["--config", str(tmp_path / "config.yaml"), "--metrics-certificate", str(tmp_path)]) == 2
    assert f"{tmp_path} has no tls.crt and tls.key that can be used: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "files", "told"),
    [
        (["--expander-certificate", "FOLDER"], ["tls.crt"], "has no tls.key: mount a Secret of type kubernetes.io/tls there"),
        (["--external-scaler-certificate", "FOLDER"], ["tls.crt"], "has no tls.key: mount a Secret of type kubernetes.io/tls there"),
        (
            ["--external-scaler-certificate", "FOLDER", "--external-scaler-client-certificates"],
            ["tls.crt", "tls.key"],
            "has no ca.crt: mount a Secret of type kubernetes.io/tls there",
        ),
        (["--external-scaler-client-certificates"], [], "needs --external-scaler-certificate"),
    ],
)
def test_a_door_for_an_autoscaler_without_what_it_needs_ends_the_start_and_says_what_to_do(
    flags: list[str], files: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steelyard.app.main.configure", lambda **_: None)
    (tmp_path / "config.yaml").write_text("log: {level: ERROR}\n")
    for name in files:
        (tmp_path / name).write_text("x")
    given = [word.replace("FOLDER", str(tmp_path)) for word in flags]
    assert main(["--config", str(tmp_path / "config.yaml"), "--external-scaler", *given]) == 2
    assert told in capsys.readouterr().err


def test_it_listens_on_every_address_unless_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []

    def started(*_: object, host: str, **__: object) -> None:
        hosts.append(host)
        raise CredentialsMissing("far enough")

    monkeypatch.setattr("steelyard.app.main.configure", lambda **_: None)
    monkeypatch.setattr("steelyard.app.main.Operator", started)
    for spared in ("process_memory.hold_once", "process_memory.look_seldom", "sys.setswitchinterval"):
        monkeypatch.setattr(f"steelyard.app.main.{spared}", lambda *_: None)  # else all later tests would run with it
    (tmp_path / "config.yaml").write_text("log: {level: ERROR}\n")
    for given in ([], ["--host", "127.0.0.1"]):
        assert main(["--config", str(tmp_path / "config.yaml"), *given]) == 2
    assert hosts == [EVERYWHERE, "127.0.0.1"]
