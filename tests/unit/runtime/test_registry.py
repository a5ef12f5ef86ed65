"""Models in a registry: what the manifest's digest names, and nothing beside it."""

import base64
import gzip
import io
import ipaddress
import os
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.models import oci
from steelyard_runtime.models.connect import is_public
from steelyard_runtime.models.policy import DownloadPolicy
from steelyard_runtime.models.source import fetch, lists_files
from unit.runtime.registry import REPOSITORY, TAR, TAR_GZIP, TITLE, Registry, archive, digest_of, serving

FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 1000, "1_Pooling/config.json": b"{}"}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    with serving() as found:
        monkeypatch.delenv("OCI_USERNAME", raising=False)
        monkeypatch.delenv("OCI_PASSWORD", raising=False)
        yield found


def ours(**change: Any) -> DownloadPolicy:
    """As a platform team writes that has a registry at a private address, without TLS."""
    return DownloadPolicy(**{"private": ("127.0.0.1",), "plain_http": ("127.0.0.1",), **change})


def pull(
    registry: Registry, digest: str, into: Path, told: list[tuple[int, int]] | None = None, *, policy: DownloadPolicy | None = None
) -> Path:
    seen = told if told is not None else []
    uri = f"oci://{registry.host}/{REPOSITORY}"
    return fetch(uri, into, lambda here, in_all: seen.append((here, in_all)), digest=digest, policy=policy or ours())


def found_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize("compressed", [False, True])
def test_of_an_image_only_the_models_folder_is_the_model(registry: Registry, tmp_path: Path, compressed: bool) -> None:
    system = archive(
        {"bin/busybox": b"\x7fELF"}, link("bin/sh", "busybox"), link("bin/ls", "bin/busybox", tarfile.LNKTYPE), compressed=compressed
    )
    model = archive({f"models/{name}": data for name, data in FILES.items()}, compressed=compressed)
    kind = TAR_GZIP if compressed else TAR
    told: list[tuple[int, int]] = []
    folder = pull(registry, registry.push((kind, system, {}), (kind, model, {})), tmp_path / "m", told)
    assert found_in(folder) == FILES
    assert told[-1] == (len(system) + len(model),) * 2
    assert told == sorted(told)


def test_an_artifact_of_files_is_taken_by_their_names(registry: Registry, tmp_path: Path) -> None:
    layers = [("application/octet-stream", data, {TITLE: name}) for name, data in FILES.items()]
    folder = pull(registry, registry.push(*layers, ("application/vnd.example.note", b"no name, no file", {})), tmp_path / "m")
    assert found_in(folder) == FILES


def test_the_digest_names_the_manifest_and_not_the_list_of_files(registry: Registry, tmp_path: Path) -> None:
    digest = registry.push((TAR, archive(FILES), {}))
    assert not lists_files("oci://registry/model")
    registry.manifests[digest] += b" "
    with pytest.raises(Failure, match="the manifest's digest is") as refusal:
        pull(registry, digest, tmp_path / "m")
    assert (refusal.value.kind, refusal.value.reason) == ("Infrastructure", Reason.MODEL_DIGEST_MISMATCH), "it may be a proxy's page"


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"#", lambda data: data[:-1] + b"#"])
def test_a_layer_that_is_not_the_one_that_the_manifest_names_is_refused(registry: Registry, tmp_path: Path, change) -> None:
    layer = archive(FILES)
    digest = registry.push((TAR, layer, {}))
    (name,) = registry.blobs
    registry.blobs[name] = change(layer)
    with pytest.raises(Failure, match="a layer has the digest") as refusal:
        pull(registry, digest, tmp_path / "m")
    assert refusal.value.reason is Reason.MODEL_DIGEST_MISMATCH
    assert found_in(tmp_path / "m") == {}, "nothing is unpacked before it is verified"


@pytest.mark.parametrize(
    "layer",
    [
        archive({"../outside": b"x"}),
        archive({"/etc/passwd": b"x"}),
        archive({"models/../../outside": b"x"}),
        archive({}, link("models/weights", "/etc/passwd")),
        archive({}, link("models/weights", "other", tarfile.LNKTYPE)),
        archive({}, link("models/weights", "", tarfile.CHRTYPE)),
        archive({"models/.wh.config.json": b""}),
        b"no archive at all",
        archive(FILES)[:700],
    ],
)
def test_an_archive_that_leads_out_or_is_no_models_ends_the_download(registry: Registry, tmp_path: Path, layer: bytes) -> None:
    with pytest.raises(Failure) as refusal:
        pull(registry, registry.push((TAR, layer, {})), tmp_path / "m")
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)
    assert not (tmp_path / "outside").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_link_that_leads_out_cannot_be_written_through(registry: Registry, tmp_path: Path) -> None:
    layer = archive({}, link("away", str(tmp_path))) + b""
    second = archive({"away/file": b"x", "models/config.json": b"{}"})
    folder = pull(registry, registry.push((TAR, layer, {}), (TAR, second, {})), tmp_path / "m")
    assert not (tmp_path / "file").exists()
    assert found_in(folder) == {"config.json": b"{}"}


@pytest.mark.parametrize("title", ["../outside", "/etc/passwd", ""])
def test_a_file_whose_name_leads_out_is_refused(registry: Registry, tmp_path: Path, title: str) -> None:
    digest = registry.push(("application/octet-stream", b"x", {TITLE: title}), ("application/octet-stream", b"y", {TITLE: "../y"}))
    with pytest.raises(Failure, match="outside of the model"):
        pull(registry, digest, tmp_path / "m")
    assert not (tmp_path / "outside").exists()


def test_an_archive_that_swells_ends_the_download(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oci, "LEAST_ROOM", 1000)
    layer = archive({"models/zeros.safetensors": b"\0" * 3_000_000}, compressed=True)
    with pytest.raises(Failure, match="it is no model"):
        pull(registry, registry.push((TAR_GZIP, layer, {})), tmp_path / "m")
    assert sum(map(len, found_in(tmp_path / "m").values())) == 0


def test_many_layers_that_each_swell_a_little_end_the_download(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oci, "LEAST_ROOM", 1 << 20)
    layers = [archive({f"models/{number}.safetensors": b"\0" * (1 << 20)}, compressed=True) for number in range(30)]
    with pytest.raises(Failure, match="it is no model"):
        pull(registry, registry.push(*((TAR_GZIP, layer, {}) for layer in layers)), tmp_path / "m")
    assert sum(map(len, found_in(tmp_path / "m").values())) <= 100 * sum(map(len, layers))


def test_a_model_that_is_larger_than_the_pods_disk_is_refused_before_any_layer_is_asked_for(registry: Registry, tmp_path: Path) -> None:
    layers = [archive({f"models/{number}.json": bytes(1000)}) for number in range(3)]
    digest = registry.push(*((TAR, layer, {}) for layer in layers))
    with pytest.raises(Failure, match=r"config\.compile\.ephemeralStorage") as refusal:
        pull(registry, digest, tmp_path / "m", policy=ours(max_bytes=sum(map(len, layers)) - 1))
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_TOO_LARGE)
    assert not any("/blobs/" in path for _, path, _ in registry.seen)
    assert pull(registry, digest, tmp_path / "m", policy=ours(max_bytes=sum(map(len, layers))))


def test_a_model_of_more_files_or_layers_than_models_have_is_refused(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = [(TAR, archive({f"models/{number}.json": b"{}"}), {}) for number in range(3)]
    digest = registry.push(*layers)
    with monkeypatch.context() as few, pytest.raises(Failure, match="files"):
        few.setattr(oci, "FILES_LIMIT", 2)
        pull(registry, digest, tmp_path / "files")
    with monkeypatch.context() as few, pytest.raises(Failure, match="3 layers"):
        few.setattr(oci, "LAYERS_LIMIT", 2)
        pull(registry, digest, tmp_path / "layers")


def test_a_layer_cannot_make_room_for_others_by_less_than_no_bytes(registry: Registry, tmp_path: Path) -> None:
    document = b'{"layers": [{"size": -5, "digest": "sha256:0", "mediaType": "tar"}]}'
    registry.manifests[digest_of(document)] = document
    with pytest.raises(Failure, match="less than no bytes"):
        pull(registry, digest_of(document), tmp_path / "m")


def header(kind: bytes, size: int, name: str = "header") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.USTAR_FORMAT)


def blocks(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 512)


def keywords(count: int, start: int = 0) -> bytes:
    """Of a pax header: so many, of 25 bytes each."""
    return b"".join(b"25 SCHILY.xattr.%07d=\n" % number for number in range(start, start + count))


MUCH = 64 << 20
END = b"\0" * 1024
TOO_LONG: dict[str, Callable[[], bytes]] = {
    "one pax header": lambda: header(tarfile.XHDTYPE, MUCH) + b"\0" * MUCH,
    "one for the whole archive": lambda: header(tarfile.XGLTYPE, MUCH) + b"\0" * MUCH,
    "one long name": lambda: header(tarfile.GNUTYPE_LONGNAME, MUCH) + b"a" * MUCH,
    "many in front of one file": lambda: (header(tarfile.XHDTYPE, 1 << 19) + b"\0" * (1 << 19)) * (MUCH >> 19),
    "very many that are small": lambda: (header(tarfile.XHDTYPE, 25) + blocks(keywords(1))) * 900,
    "behind another file": lambda: blocks(archive(FILES).rstrip(b"\0")) + header(tarfile.XHDTYPE, MUCH) + b"\0" * MUCH,
}


def memory_of(work: Callable[[], None]) -> int:
    """Bytes that Python held at most meanwhile."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("layer", TOO_LONG.values(), ids=TOO_LONG)
def test_headers_that_would_take_all_memory_end_the_download(registry: Registry, tmp_path: Path, layer: Callable[[], bytes]) -> None:
    digest = registry.push((TAR_GZIP, gzip.compress(layer() + END, 1), {}))

    def refused() -> None:
        with pytest.raises(Failure, match="no archive that can be read") as refusal:
            pull(registry, digest, tmp_path / "m")
        assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)

    assert memory_of(refused) < MUCH // 4


def many(kind: bytes) -> bytes:
    """A hundred members, each with a header of thousand words that no other has."""
    return b"".join(
        header(kind, 25_000) + blocks(keywords(1000, 1000 * number)) + header(tarfile.DIRTYPE, 0, "models/") for number in range(100)
    )


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE], ids=["their own", "the whole archive's"])
def test_headers_of_files_that_were_read_are_not_kept(registry: Registry, tmp_path: Path, kind: bytes) -> None:
    digest = registry.push((TAR_GZIP, gzip.compress(many(kind) + END), {}))
    assert memory_of(lambda: pull(registry, digest, tmp_path / "m") and None) < 2 << 20


def test_long_names_attributes_and_large_files_are_no_harm(registry: Registry, tmp_path: Path) -> None:
    name = f"models/{'folder/' * 40}config.json"
    out, data = io.BytesIO(), b"{}" * oci.CHUNK
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(fileobj=out, mode="w", format=form) as tar:
            info = tarfile.TarInfo(f"{name}.{form}")
            info.size, info.pax_headers = len(data), {"SCHILY.xattr.user.note": "x" * 65536, "mtime": "1234567890.123456789"}
            tar.addfile(info, io.BytesIO(data))
        layer, out = out.getvalue(), io.BytesIO()
        assert found_in(pull(registry, registry.push((TAR, layer, {})), tmp_path / str(form))) == {f"{name[7:]}.{form}": data}


def test_a_registry_that_wants_a_token_gets_one_and_no_other_host_does(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.token, registry.elsewhere = "t0ken", True
    registry.password = base64.b64encode(b"robot:secret").decode()
    digest = registry.push((TAR, archive(FILES), {}))
    with pytest.raises(Failure, match="OCI_USERNAME") as refusal:
        pull(registry, digest, tmp_path / "refused")
    assert refusal.value.kind == "User"
    monkeypatch.setenv("OCI_USERNAME", "robot")
    monkeypatch.setenv("OCI_PASSWORD", "secret")
    assert found_in(pull(registry, digest, tmp_path / "m")) == FILES
    assert {given for host, _, given in registry.seen if host == registry.other} == {None}
    assert os.environ["OCI_PASSWORD"] == "secret"


def test_a_token_of_another_address_is_never_asked_for_and_never_handed_to_the_registry(registry: Registry, tmp_path: Path) -> None:
    registry.token, registry.realm = "t0ken", f"http://{registry.other}/token"
    with pytest.raises(Failure, match=r"config\.registries\.tokenHosts") as refusal:
        pull(registry, registry.push((TAR, archive(FILES), {})), tmp_path / "m")
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.SOURCE_REFUSED)
    assert {(host, given) for host, _, given in registry.seen} == {(registry.host, None)}


def test_the_registrys_own_address_cannot_send_on_to_another_for_a_token(registry: Registry, tmp_path: Path) -> None:
    registry.token, registry.sends_on = "t0ken", True
    with pytest.raises(Failure):
        pull(registry, registry.push((TAR, archive(FILES), {})), tmp_path / "m")
    assert {(host, given) for host, _, given in registry.seen} == {(registry.host, None)}


@pytest.mark.parametrize(
    ("registry", "realm", "may"),
    [
        ("registry-1.docker.io", "https://auth.docker.io/token", True),
        ("registry-1.docker.io", "http://auth.docker.io/token", False),
        ("evil.example.com", "https://auth.docker.io/token", False),
        ("ghcr.io", "https://ghcr.io/token", True),
        ("ghcr.io", "https://ghcr.io:443/token", True),
        ("ghcr.io", "http://ghcr.io/token", False),
        ("ghcr.io", "https://ghcr.io@169.254.169.254/token", False),
        ("ghcr.io", "https://ghcr.io:8443/token", False),
        ("ghcr.io", "https://ghcr.io.evil.example.com/token", False),
        ("ghcr.io", "", False),
        ("registry.corp.example:5000", "https://id.corp.example/token", True),
        ("plain.corp.example", "http://plain.corp.example/token", True),
    ],
)
def test_a_token_comes_from_the_registry_itself_or_from_where_it_is_known_to_send(registry: str, realm: str, may: bool) -> None:
    policy = DownloadPolicy(token_hosts={"registry.corp.example:5000": "id.corp.example"}, plain_http=("plain.corp.example",))
    assert policy.may_give_tokens(realm, registry) is may


def test_a_registry_at_a_private_address_is_not_connected_to_unless_it_is_on_the_list(registry: Registry, tmp_path: Path) -> None:
    digest = registry.push((TAR, archive(FILES), {}))
    with pytest.raises(Failure, match=r"config\.registries\.private") as refusal:
        pull(registry, digest, tmp_path / "m", policy=ours(private=()))
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.SOURCE_REFUSED)
    assert registry.seen == []


def test_what_counts_is_the_address_that_is_connected_to_and_not_the_name(registry: Registry, tmp_path: Path) -> None:
    port = registry.host.partition(":")[2]
    digest = registry.push((TAR, archive(FILES), {}))
    uri = f"oci://localhost:{port}/{REPOSITORY}"
    with pytest.raises(Failure, match=r"is no public address"):
        fetch(uri, tmp_path / "m", digest=digest, policy=DownloadPolicy(plain_http=("localhost",)))
    assert registry.seen == []
    by_name = DownloadPolicy(plain_http=("localhost",), private=(f"localhost:{port}",))
    assert found_in(fetch(uri, tmp_path / "m", digest=digest, policy=by_name)) == FILES


def test_a_redirect_leads_to_no_private_address_that_is_not_on_the_list(registry: Registry, tmp_path: Path) -> None:
    registry.elsewhere = True
    digest = registry.push((TAR, archive(FILES), {}))
    with pytest.raises(Failure, match=f"leads to {registry.other}"):
        pull(registry, digest, tmp_path / "m", policy=ours(private=(registry.host,)))
    assert {host for host, _, _ in registry.seen} == {registry.host}


def test_a_registry_from_outside_reaches_none_of_the_private_hosts_on_the_list() -> None:
    policy = DownloadPolicy(private=("harbor.corp.example", "minio.corp.example"))
    assert policy.private_hosts_for("harbor.corp.example:8443") == policy.private
    assert policy.private_hosts_for("evil.example.com") == ()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "168.63.129.16", "224.0.0.1"),
        *("::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "2002:a00:1::1"),
        *("64:ff9b:1::a9fe:a9fe", "fec0::1", "::10.0.0.1", "::ffff:0:10.0.0.1", "3fff::1", "5f00::1"),
    ],
)
def test_no_address_of_a_network_of_ones_own_is_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_registry_that_is_not_on_the_list_of_the_platform_team_is_not_asked(registry: Registry, tmp_path: Path) -> None:
    digest = registry.push((TAR, archive(FILES), {}))
    with pytest.raises(Failure, match=r"use one of registry\.example\.com.*config\.registries\.allowed") as refusal:
        pull(registry, digest, tmp_path / "m", policy=ours(registries=("registry.example.com",)))
    assert (refusal.value.kind, refusal.value.reason, registry.seen) == ("User", Reason.SOURCE_REFUSED, [])
    assert found_in(pull(registry, digest, tmp_path / "m", policy=ours(registries=("registry.example.com", registry.host)))) == FILES


@pytest.mark.parametrize("answer", [(429, b""), (500, b""), (503, b""), (200, b"<html>under maintenance</html>"), (200, b"")], ids=str)
def test_a_server_of_tokens_that_does_not_answer_is_tried_again_later(
    registry: Registry, tmp_path: Path, answer: tuple[int, bytes]
) -> None:
    registry.token, registry.tokens = "t0ken", answer
    with pytest.raises(Failure, match="/token") as refusal:
        pull(registry, registry.push((TAR, archive(FILES), {})), tmp_path / "m")
    assert (refusal.value.kind, refusal.value.reason) == ("Infrastructure", Reason.STORE_UNAVAILABLE)


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_of_tokens_that_refuses_is_the_users(registry: Registry, tmp_path: Path, status: int) -> None:
    registry.token, registry.tokens = "t0ken", (status, b"")
    with pytest.raises(Failure, match="OCI_USERNAME") as refusal:
        pull(registry, registry.push((TAR, archive(FILES), {})), tmp_path / "m")
    assert refusal.value.kind == "User"


@pytest.mark.parametrize(
    "uri", ["oci://registry.example.com", "oci://registry.example.com/model:latest", "oci://user@host/model", "oci://host#x/y"]
)
def test_an_address_that_names_no_repository_or_a_tag_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(Failure, match="is not oci://REGISTRY/REPOSITORY") as refusal:
        fetch(uri, tmp_path, digest="sha256:" + "0" * 64)
    assert refusal.value.reason is Reason.INVALID_SPEC


def test_an_index_of_several_images_says_what_to_give(registry: Registry, tmp_path: Path) -> None:
    digest = registry.push(media="application/vnd.oci.image.index.v1+json", manifests=[])
    with pytest.raises(Failure, match="index of several images"):
        pull(registry, digest, tmp_path / "m")


def test_what_is_not_there_is_told_from_a_registry_that_does_not_answer(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(Failure) as absent:
        pull(registry, "sha256:" + "0" * 64, tmp_path / "m")
    assert (absent.value.kind, absent.value.reason) == ("User", Reason.MODEL_NOT_FOUND)
    registry.broken = 503
    with pytest.raises(Failure) as broken:
        pull(registry, "sha256:" + "0" * 64, tmp_path / "m")
    assert (broken.value.kind, broken.value.reason) == ("Infrastructure", Reason.STORE_UNAVAILABLE)
    with pytest.raises(Failure) as gone:
        fetch(f"oci://127.0.0.1:9/{REPOSITORY}", tmp_path / "m", digest="sha256:" + "0" * 64, policy=ours())
    assert gone.value.kind == "Infrastructure"


@pytest.mark.parametrize("document", [b"no JSON", b"[]", b'{"layers": [{}]}', b'{"layers": [{"size": "x", "digest": "y"}]}'])
def test_a_manifest_that_is_none_is_the_users(registry: Registry, tmp_path: Path, document: bytes) -> None:
    registry.manifests[digest_of(document)] = document
    with pytest.raises(Failure, match="none of an image") as refusal:
        pull(registry, digest_of(document), tmp_path / "m")
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)
