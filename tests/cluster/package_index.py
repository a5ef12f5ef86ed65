"""How this machine gets Python packages: handed to a build by mounts that no image keeps."""

from __future__ import annotations

import configparser
import os
import shlex
from pathlib import Path

#: Settings of pip that say from where and how packages come; others are a matter of taste and stay here.
SETTINGS = ("cert", "index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "timeout", "proxy", "default-timeout")


def _configuration_files() -> list[Path]:
    home = Path.home()
    named = os.environ.get("PIP_CONFIG_FILE")
    files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"]
    return [*files, *([Path(named)] if named else [])]


def settings() -> dict[str, str]:
    """pip's settings on this machine: its files, then its variables."""
    found: dict[str, str] = {}
    parser = configparser.RawConfigParser()
    parser.read(path for path in _configuration_files() if path.is_file())
    for section in ("global", "install"):
        if parser.has_section(section):
            found |= {key: value for key, value in parser.items(section) if key in SETTINGS}
    for name in SETTINGS:
        if value := os.environ.get(f"PIP_{name.upper().replace('-', '_')}"):
            found[name] = value
    if index := os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        found.setdefault("index-url", index)
    if bundle := os.environ.get("SSL_CERT_FILE"):
        found.setdefault("cert", bundle)
    return found


def mounts(folder: Path) -> list[str]:
    """The volumes of a build, `SOURCE:TARGET:ro`. The files are written to `folder`: one for pip and one for uv."""
    volumes = []
    pip = {key: value for key, value in settings().items() if key not in {"find-links", "cert"}}
    uv: list[str] = []
    folders = [Path(link) for link in shlex.split(settings().get("find-links", "")) if Path(link).is_dir() and any(Path(link).iterdir())]
    for number, wheels in enumerate(folders):
        volumes.append(f"{wheels}:/mnt/wheels-{number}:ro")
        pip["find-links"] = " ".join(f"/mnt/wheels-{n}" for n in range(number + 1))
    if folders:
        uv.append(f"find-links = [{', '.join(chr(34) + f'/mnt/wheels-{n}' + chr(34) for n in range(len(folders)))}]")
    certificate = Path(settings().get("cert", ""))
    if certificate.is_file():
        # In the place where every program of a Debian image looks, and where pip is told to.
        volumes.append(f"{certificate.resolve()}:/etc/ssl/certs/ca-certificates.crt:ro")
        pip["cert"] = "/etc/ssl/certs/ca-certificates.crt"
        uv.append("native-tls = true")
    if "index-url" in pip:
        uv.append(f'index-url = "{pip["index-url"]}"')
    if "extra-index-url" in pip:
        uv.append(f"extra-index-url = [{', '.join(chr(34) + url + chr(34) for url in pip['extra-index-url'].split())}]")
    for content, name, target in (
        ("".join(["[global]\n", *(f"{key} = {value}\n" for key, value in pip.items())]), "pip.conf", "/etc/pip.conf"),
        ("".join(f"{line}\n" for line in uv), "uv.toml", "/etc/uv/uv.toml"),
    ):
        if content.strip() not in {"", "[global]"}:
            (folder / name).write_text(content)
            volumes.append(f"{folder / name}:{target}:ro")
    return volumes
