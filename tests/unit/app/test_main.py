"""How the operator's command ends where it cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.app.main import main


def test_a_certificate_that_cannot_be_used_ends_the_start_with_the_folder_and_what_belongs_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steelyard.app.main.configure", lambda **_: None)  # else the logs of all later tests would go there
    (tmp_path / "config.yaml").write_text("log: {level: ERROR}\n")
    (tmp_path / "tls.crt").write_text("not a certificate")
    assert main(["--config", str(tmp_path / "config.yaml"), "--metrics-certificate", str(tmp_path)]) == 2
    assert f"{tmp_path} has no tls.crt and tls.key that can be used: " in capsys.readouterr().err
