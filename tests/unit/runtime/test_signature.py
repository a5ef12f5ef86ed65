"""Signed artifacts: what nobody who is trusted has signed is refused, in words that say what to do, and never loaded."""

import base64
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat

from patience import PATIENCE
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.artifacts.publish import Published, publish
from steelyard_runtime.artifacts.signature import (
    PUBLIC_KEYS,
    SIGNING_KEYS,
    Signer,
    Trust,
    own_trust,
    signature_path,
    signer_from_environment,
    trust_from_environment,
)
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.artifacts.whole import whole
from steelyard_runtime.compile import steps
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest
from unit.runtime.server_process import ServerProcess
from unit.runtime.test_spec import COMPILE
from unit.runtime.tiny import KEY, build

ONE, OTHER, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))


def trusting(*keys: Ed25519PrivateKey) -> Trust:
    return Trust(tuple(key.public_key() for key in keys))


def published(root: Path, *keys: Ed25519PrivateKey, key: str = KEY) -> Published:
    manifest = replace(build(root / "build"), key=key)
    return publish(open_store(f"file://{root}/store"), root / "build", manifest, Signer(keys) if keys else None)


def envelope_of(root: Path, artifact: Published) -> Path:
    return root / "store" / signature_path(artifact.manifest.key, artifact.digest)


def refusal(artifact: Published, into: Path, trust: Trust) -> Failure:
    with pytest.raises(Failure) as refused:
        fetch_artifact(artifact.uri, artifact.digest, into, trust=trust)
    assert not into.exists()
    assert refused.value.reason is Reason.SIGNATURE_REFUSED
    assert "config.signing.publicKeys" in refused.value.message
    return refused.value


def test_what_a_trusted_key_has_signed_is_loaded(tmp_path: Path) -> None:
    artifact = published(tmp_path, ONE)
    assert fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found", trust=trusting(ONE)) == artifact.manifest


def test_without_trust_nothing_is_asked_for_signatures(tmp_path: Path) -> None:
    artifact = published(tmp_path)
    assert fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found") == artifact.manifest
    assert not (tmp_path / "store" / KEY / "signatures").exists()


def test_what_is_not_signed_is_refused(tmp_path: Path) -> None:
    assert "it is not signed" in refusal(published(tmp_path), tmp_path / "found", trusting(ONE)).message


def test_the_signature_of_a_stranger_is_refused(tmp_path: Path) -> None:
    assert "by one of the 1 trusted key" in refusal(published(tmp_path, STRANGER), tmp_path / "found", trusting(ONE)).message


def test_keys_are_exchanged_without_a_gap(tmp_path: Path) -> None:
    old, both = published(tmp_path / "old", ONE), published(tmp_path / "both", ONE, OTHER)
    fetch_artifact(old.uri, old.digest, tmp_path / "1", trust=trusting(OTHER, ONE))
    fetch_artifact(both.uri, both.digest, tmp_path / "2", trust=trusting(ONE))
    fetch_artifact(both.uri, both.digest, tmp_path / "3", trust=trusting(OTHER))
    refusal(old, tmp_path / "4", trusting(OTHER))


def test_the_signature_of_another_artifact_does_not_speak_for_this_one(tmp_path: Path) -> None:
    mine, other = published(tmp_path / "a", ONE), published(tmp_path / "b", ONE, key="0" * 63 + "b")
    envelope_of(tmp_path / "a", mine).write_bytes(envelope_of(tmp_path / "b", other).read_bytes())
    assert "of something else" in refusal(mine, tmp_path / "found", trusting(ONE)).message


@pytest.mark.parametrize("field", ["payloadType", "payload", "sig"])
def test_no_part_of_an_envelope_can_be_changed(tmp_path: Path, field: str) -> None:
    artifact = published(tmp_path, ONE)
    path = envelope_of(tmp_path, artifact)
    document = json.loads(path.read_bytes())
    part = document["signatures"][0] if field == "sig" else document
    part[field] = "text/plain" if field == "payloadType" else base64.b64encode(base64.b64decode(part[field])[::-1]).decode()
    path.write_text(json.dumps(document))
    refusal(artifact, tmp_path / "found", trusting(ONE))


@pytest.mark.parametrize(
    "junk", [b"", b"{}", b"[]", b"[" * 100_000, b'{"payloadType": 1, "payload": 2, "signatures": 3}', b"\xff", b"x" * (3 << 20)]
)
def test_junk_where_the_signature_should_be_is_refused_and_not_an_error(tmp_path: Path, junk: bytes) -> None:
    artifact = published(tmp_path, ONE)
    envelope_of(tmp_path, artifact).write_bytes(junk)
    refusal(artifact, tmp_path / "found", trusting(ONE))


def test_an_envelope_is_what_dsse_says(tmp_path: Path) -> None:
    artifact = published(tmp_path, ONE)
    document = json.loads(envelope_of(tmp_path, artifact).read_bytes())
    kind, body = document["payloadType"], base64.b64decode(document["payload"])
    assert body == artifact.manifest.encoded()
    signed = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind.encode(), str(len(body)).encode(), body])
    ONE.public_key().verify(base64.b64decode(document["signatures"][0]["sig"]), signed)


def test_one_who_signs_does_not_adopt_what_was_planted(tmp_path: Path) -> None:
    published(tmp_path)
    store = open_store(f"file://{tmp_path}/store")
    assert whole(store, KEY, tmp_path / "found", own_trust(Signer((ONE,)), None)) is None
    assert list(store.stored()) == [], "it is out of the way of what is compiled now"
    published(tmp_path, OTHER)
    assert whole(store, KEY, tmp_path / "found", own_trust(Signer((ONE,)), trusting(OTHER))) is not None


@dataclass(frozen=True)
class Raced:
    """A compile, while which somebody copies another key's signed artifact to where its own will be published."""

    root: Path
    name = "openvino"
    packages = ("openvino",)

    def probe(self, spec: CompileSpec) -> None:
        pass

    def memory(self, model: Path, spec: CompileSpec) -> tuple[int, str]:
        return 1, "one byte"

    def make(self, model: Path, digest: str, spec: CompileSpec, into: Path, progress: Progress) -> Manifest:
        shutil.copytree(self.root / "store" / KEY, self.root / "store" / spec.key)
        return replace(build(into), key=spec.key, model_digest=digest)


def test_one_who_lost_a_race_does_not_adopt_the_signed_artifact_of_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path, ONE)
    for name in ("model", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    monkeypatch.setattr(steps, "Compiling", lambda _: Raced(tmp_path))
    asked = {
        **COMPILE,
        "model": {"uri": f"file://{tmp_path}/model", "digest": model_digest(tmp_path / "model"), "task": "embeddings"},
        "toolchain": {"openvino": installed("openvino")},
        "store": {"uri": f"file://{tmp_path}/store"},
    }
    spec = compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(asked)})
    made, cached = compile_model(spec, Progress(LogTail()), tmp_path / "scratch", Signer((ONE,)), trusting(ONE))
    assert not cached
    assert fetch_artifact(made.uri, made.digest, tmp_path / "taken", trust=trusting(ONE)).key == spec.key, "its own took the place"
    assert {each.key for each in open_store(spec.store_uri).stored()} == {KEY, spec.key}


def test_the_signed_artifact_of_another_key_is_not_served(tmp_path: Path) -> None:
    artifact = published(tmp_path, ONE)
    (tmp_path / "store" / KEY).rename(tmp_path / "store" / ("f" * 64))
    with pytest.raises(Failure, match="of another compile key"):
        fetch_artifact(artifact.uri.replace(KEY, "f" * 64), artifact.digest, tmp_path / "found", trust=trusting(ONE))
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize("signed_by", [ONE, STRANGER])
def test_a_server_serves_what_is_signed_and_ends_with_a_word_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signed_by: Ed25519PrivateKey
) -> None:
    monkeypatch.setenv(PUBLIC_KEYS, pem(OTHER) + pem(ONE))
    with ServerProcess(tmp_path, published(tmp_path, signed_by)) as server:
        if signed_by is ONE:
            server.wait_until_ready()
            return
        assert server.process.wait(PATIENCE) == 3
        assert json.loads(server.termination.read_bytes())["reason"] == "SignatureRefused"


def pem(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_several_keys_are_read_with_whatever_is_written_between_them() -> None:
    trust = trust_from_environment({PUBLIC_KEYS: f"since May\n{pem(ONE)}\nuntil June\n{pem(OTHER)}"})
    assert trust is not None
    assert [key.public_bytes_raw() for key in trust.keys] == [key.public_key().public_bytes_raw() for key in (ONE, OTHER)]


def test_nothing_set_is_nothing_verified_and_nothing_signed() -> None:
    assert (trust_from_environment({}), signer_from_environment({})) == (None, None)


P256 = generate_private_key(SECP256R1())


@pytest.mark.parametrize(
    "text",
    [
        "no key",
        private(ONE).decode(),
        P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        pem(ONE)[:60],
    ],
)
def test_what_is_no_public_key_stops_the_start_and_is_not_taken_for_no_keys(text: str) -> None:
    with pytest.raises(Failure) as refused:
        trust_from_environment({PUBLIC_KEYS: text})
    assert refused.value.reason is Reason.INVALID_SPEC
    assert "openssl" in refused.value.message


def test_private_keys_are_those_of_a_mounted_secret(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    for name, key in (("b.pem", OTHER), ("a.pem", ONE)):
        (tmp_path / "..data" / name).write_bytes(private(key))
        (tmp_path / name).symlink_to(tmp_path / "..data" / name)
    signer = signer_from_environment({SIGNING_KEYS: str(tmp_path)})
    assert signer is not None
    assert [private(key) for key in signer.keys] == [private(ONE), private(OTHER)]


LOCKED = ONE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
OF_ANOTHER_KIND = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("data", [b"junk", LOCKED, OF_ANOTHER_KIND, None])
def test_what_is_no_private_key_fails_before_anything_is_published(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "key.pem").write_bytes(data)
    with pytest.raises(Failure) as refused:
        signer_from_environment({SIGNING_KEYS: str(tmp_path)})
    assert refused.value.reason is Reason.INVALID_SPEC
