"""Signatures of artifacts: a DSSE envelope around the manifest, which holds the digest of every file.

The envelope is that of https://github.com/secure-systems-lab/dsse (protocol 1.0.2), the signatures are Ed25519 (RFC 8032). The payload is the
manifest byte for byte, so that tools which know DSSE can read it; whoever loads takes the manifest from its own place and holds it against this.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard_runtime.artifacts import manifest as manifests
from steelyard_runtime.failure import Failure, Reason, infrastructure_failure, user_failure

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.steelyard.artifact-manifest+json"
SIZE_LIMIT = 2 * manifests.SIZE_LIMIT
"""Base64 of a manifest, and signatures. In bytes."""
PUBLIC_KEYS = "STEELYARD_PUBLIC_KEYS"
"""PEM blocks, one after another."""
SIGNING_KEYS = "STEELYARD_SIGNING_KEYS"
"""A folder; every file in it is a private key in PEM."""
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


def signature_path(key: str, digest: str) -> str:
    """Return the path of the envelope of the manifest with that digest. It is named by content, as blobs are: two publishers with different
    bytes do not touch each other's."""
    return f"{key}/signatures/{digest.removeprefix('sha256:')}.json"


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may have made what is loaded: the signature of one of these keys is enough, so that a new one can join before an old one goes."""

    keys: tuple[Ed25519PublicKey, ...]

    def objection(self, manifest: bytes, envelope: bytes) -> str | None:
        """What is wrong with the envelope as one of this manifest; None where a key that is trusted has signed it."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

        try:
            document = json.loads(envelope)
            kind, payload = document["payloadType"], base64.b64decode(document["payload"], validate=True)
            signatures = [base64.b64decode(each["sig"], validate=True) for each in document["signatures"]]
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            return "what lies where its signature should be is no DSSE envelope"
        if kind != PAYLOAD_TYPE or payload != manifest:
            return "its signature is of something else"
        signed = _encoded(manifest)
        for key in self.keys:
            for signature in signatures:
                try:
                    key.verify(signature, signed)
                except InvalidSignature:
                    continue
                return None
        return f"none of its {len(signatures)} signature(s) is by one of the {len(self.keys)} trusted key(s)"


@dataclass(frozen=True, slots=True)
class Signer:
    """Every key signs: while keys are exchanged the old one goes on, for those who trust it alone."""

    keys: tuple[Ed25519PrivateKey, ...]

    def envelope(self, manifest: bytes) -> bytes:
        """Return the DSSE envelope of a manifest's bytes. Equal bytes and keys give an equal envelope."""
        signed = _encoded(manifest)
        signatures = [{"keyid": _name(key.public_key()), "sig": _base64(key.sign(signed))} for key in self.keys]
        document = {"payloadType": PAYLOAD_TYPE, "payload": _base64(manifest), "signatures": signatures}
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @property
    def public(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys that its signatures are verified with."""
        return tuple(key.public_key() for key in self.keys)


def trust_from_environment(environment: Mapping[str, str]) -> Trust | None:
    """Return the keys of STEELYARD_PUBLIC_KEYS; None where it is not set: then nothing is verified. Raises `Failure` (InvalidSpec) for what is no
    public key: one that cannot be read must not turn into none."""
    text = environment.get(PUBLIC_KEYS)
    if not text:
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    keys = []
    for block in _PEM.finditer(text):
        try:
            key = load_pem_public_key(block.group().encode())
        except ValueError as error:
            raise _unreadable(PUBLIC_KEYS, f"a {block.group(1)} cannot be read ({error})") from error
        if not isinstance(key, Ed25519PublicKey):
            raise _unreadable(PUBLIC_KEYS, "a key is not of Ed25519")
        keys.append(key)
    if not keys:
        raise _unreadable(PUBLIC_KEYS, "there is no key in it")
    return Trust(tuple(keys))


def signer_from_environment(environment: Mapping[str, str]) -> Signer | None:
    """Return the keys in the folder that STEELYARD_SIGNING_KEYS names; None where it is not set. Raises `Failure` (InvalidSpec) where a file is no
    private key of Ed25519 without a password, and where there is none."""
    named = environment.get(SIGNING_KEYS)
    if not named:
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    keys = []
    # A mounted Secret has links and hidden folders of its own beside its files.
    for path in sorted(path for path in Path(named).glob("[!.]*") if path.is_file()):
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError, OSError):
            raise _unreadable(
                SIGNING_KEYS, f"{path.name} is no private key in PEM without a password"
            ) from None  # nor any of its bytes in a log
        if not isinstance(key, Ed25519PrivateKey):
            raise _unreadable(SIGNING_KEYS, f"the key {path.name} is not of Ed25519")
        keys.append(key)
    if not keys:
        raise _unreadable(SIGNING_KEYS, f"there is no key in the folder {named}")
    return Signer(tuple(keys))


def own_trust(signer: Signer | None, trust: Trust | None) -> Trust | None:
    """Whom one who signs trusts: itself too, and with no keys given itself alone. It must not put its name under what it merely found."""
    if signer is None:
        return trust
    return Trust((*(trust.keys if trust else ()), *signer.public))


def unsigned(uri: str, why: str) -> Failure:
    """The refusal of an artifact that nobody who is trusted has signed."""
    return infrastructure_failure(
        Reason.SIGNATURE_REFUSED,
        f"{uri}: {why}; it was refused, and has to be compiled again with a signing key whose public key is among config.signing.publicKeys",
    )


def _unreadable(variable: str, what: str) -> Failure:
    return user_failure(
        Reason.INVALID_SPEC,
        f"{variable}: {what}; make one with `openssl genpkey -algorithm ed25519`, and its public half with `openssl pkey -pubout`",
    )


def _encoded(payload: bytes) -> bytes:
    """DSSE's PAE, the bytes that are signed: the type is under the signature too."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _name(key: Ed25519PublicKey) -> str:
    """A hint for people: what verifies does not read it."""
    raw: bytes = key.public_bytes_raw()
    return hashlib.sha256(raw).hexdigest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
