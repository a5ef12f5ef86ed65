"""The cluster's own certificate authority, by the openssl program."""

from __future__ import annotations

import secrets
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError

#: A cluster that lives longer than this is started anew.
DAYS = "365"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, both PEM files."""

    certificate: Path
    key: Path


def _openssl(*arguments: str, stdin: str | None = None) -> None:
    answer = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(f"openssl {arguments[0]} failed: {answer.stderr.strip()}")


class Authority:
    """Signs certificates for the parts of one cluster. The private keys never leave the cluster's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Certificate(folder / "ca.crt", folder / "ca.key")
        self.service_accounts = folder / "sa.key"
        self._one_at_a_time = threading.Lock()

    def create(self) -> None:
        """The authority itself, and the key that signs service account tokens."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _openssl(
            "req",
            "-x509",
            *NEW_KEY,
            "-keyout",
            str(self.authority.key),
            "-out",
            str(self.authority.certificate),
            "-days",
            DAYS,
            "-subj",
            "/CN=steelyard",
        )
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self.service_accounts))

    def issue(self, name: str, user: str, groups: tuple[str, ...] = (), addresses: tuple[str, ...] = ()) -> Certificate:
        """A client certificate for `user` in `groups`, or a server certificate when it has `addresses` (`DNS:...`, `IP:...`)."""
        issued = Certificate(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        with self._one_at_a_time:
            if not issued.certificate.exists():
                self._issue(issued, name, user, groups, addresses)
        return issued

    def _issue(self, issued: Certificate, name: str, user: str, groups: tuple[str, ...], addresses: tuple[str, ...]) -> None:
        request = self.folder / f"{name}.csr"
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        _openssl("req", *NEW_KEY, "-keyout", str(issued.key), "-out", str(request), "-subj", subject)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={','.join(addresses)}\n" if addresses else "extendedKeyUsage=clientAuth\n")
        signed = self.folder / f"{name}.new"
        signer = ("-CA", str(self.authority.certificate), "-CAkey", str(self.authority.key), "-set_serial", f"0x{secrets.token_hex(16)}")
        _openssl("x509", "-req", "-in", str(request), *signer, "-days", DAYS, "-out", str(signed), "-extfile", str(extensions))
        signed.rename(issued.certificate)
