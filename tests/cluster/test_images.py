"""An image's tag follows from what it is built from, and how the machine gets packages stays out of it."""

import os
import time
from pathlib import Path

import pytest
import yaml

from cluster import dockerfile, images, kind, package_index
from cluster.errors import ClusterError
from cluster.image_store import ImageStore
from cluster.node_spec import NodeSpec

DOCKERFILE = """\
# COPY nothing /in/a/comment
ARG BASE=python
FROM ${BASE} AS base
FROM base AS build
COPY locks/a.txt /locks/
RUN --mount=type=bind,source=setup,target=/setup \\
    pip install -r /locks/a.txt
FROM base AS app
COPY --from=build /venv /venv
COPY --chown=1:1 source/*.py other /app/
FROM base AS unrelated
COPY elsewhere /elsewhere
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in (
        "Dockerfile",
        "locks/a.txt",
        "setup/run",
        "source/main.py",
        "source/notes.txt",
        "other/deep/x",
        "elsewhere/y",
        "other/__pycache__/z",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(DOCKERFILE if name == "Dockerfile" else name)
    return tmp_path


def test_the_inputs_of_a_target_are_what_its_stages_copy(context: Path) -> None:
    found = [str(path.relative_to(context)) for path in dockerfile.inputs(context, DOCKERFILE, "app")]
    assert found == ["locks/a.txt", "other/deep/x", "setup/run", "source/main.py"]


def test_a_tag_changes_with_its_inputs_and_with_nothing_else(context: Path) -> None:
    before = images.tag("app", context)
    for unrelated in ("elsewhere/y", "source/notes.txt"):
        (context / unrelated).write_text("changed")
    (context / "Dockerfile").write_text(DOCKERFILE.replace("elsewhere /elsewhere", "elsewhere /there"))
    assert images.tag("app", context) == before
    (context / "other/deep/x").write_text("changed")
    after = images.tag("app", context)
    assert after != before
    (context / "Dockerfile").write_text(DOCKERFILE.replace("pip install", "pip install --no-deps"))
    assert images.tag("app", context) not in {before, after}


def test_a_target_of_a_dockerfile_elsewhere_is_built_from_that_and_from_the_same_source(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(images.DOCKERFILES, "app", "other/Dockerfile")
    (context / "other/Dockerfile").write_text("FROM base AS app\nCOPY elsewhere /elsewhere\n")
    before = images.tag("app", context)
    (context / "Dockerfile").write_text("FROM nothing AS app")
    assert images.tag("app", context) == before
    (context / "elsewhere/y").write_text("changed")
    assert images.tag("app", context) != before


def test_what_a_target_copies_from_the_source_is_let_into_the_build() -> None:
    """Of .dockerignore as far as it is used here: all is left out, but for the folders and files that it names."""
    let_in = [line.removeprefix("!") for line in (images.REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for target in images.ALL:
        text = (images.REPOSITORY / images.DOCKERFILES.get(target, "Dockerfile")).read_text()
        copied = [str(path.relative_to(images.REPOSITORY)) for path in dockerfile.inputs(images.REPOSITORY, text, target)]
        assert copied
        assert [path for path in copied if not any(path == one or path.startswith(f"{one}/") for one in let_in)] == []


def test_a_target_that_is_not_there_is_named_with_those_that_are(context: Path) -> None:
    with pytest.raises(ClusterError, match="no target nonsense: it has app, base, build, unrelated"):
        images.tag("nonsense", context)


def test_this_machines_package_settings_become_files_of_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, wheels, written = tmp_path / "bundle.crt", tmp_path / "wheels", tmp_path / "written"
    certificate.write_text("certificate")
    wheels.mkdir()
    (wheels / "a.whl").touch()
    written.mkdir()
    monkeypatch.setattr(package_index, "_configuration_files", list)
    for name, value in (("PIP_CERT", certificate), ("PIP_FIND_LINKS", wheels), ("PIP_INDEX_URL", "https://index.example/simple")):
        monkeypatch.setenv(name, str(value))
    volumes = package_index.mounts(written)
    assert f"{certificate}:/etc/ssl/certs/ca-certificates.crt:ro" in volumes
    assert f"{wheels}:/mnt/wheels-0:ro" in volumes
    assert f"{written}/pip.conf:/etc/pip.conf:ro" in volumes
    pip = (written / "pip.conf").read_text()
    assert "index-url = https://index.example/simple" in pip
    assert "find-links = /mnt/wheels-0" in pip
    assert 'index-url = "https://index.example/simple"' in (written / "uv.toml").read_text()


def test_kind_is_told_of_labels_taints_and_reservations() -> None:
    spec = NodeSpec("a", labels={"pool": "a"}, taints=("dedicated=a:NoSchedule",), reserved={"cpu": "1"})
    content = yaml.safe_load(kind.configuration([spec]))
    control_plane, worker = content["nodes"]
    assert control_plane == {"role": "control-plane"}
    assert worker["labels"] == {"pool": "a"}
    registration = yaml.safe_load(worker["kubeadmConfigPatches"][0])["nodeRegistration"]
    assert registration["taints"] == [{"key": "dedicated", "value": "a", "effect": "NoSchedule"}]
    assert registration["kubeletExtraArgs"]["system-reserved"] == "cpu=1"


@pytest.mark.parametrize(("gigabytes", "forgets"), [([50, 50, 50], 0), ([5, 50, 50], 1), ([50, 50, 5], 1)])
def test_where_disk_is_short_the_builders_layers_go_before_a_build_and_before_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gigabytes: list[int], forgets: int
) -> None:
    done: list[str] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(images.builder, "docker_answers", lambda: False)
    monkeypatch.setattr(images.builder, "forget_all", lambda: done.append("forget"))
    monkeypatch.setattr(images.builder, "build_by_buildah", lambda *_, large: done.append(f"build {large}"))
    left = iter(gigabytes)
    monkeypatch.setattr(images, "free", lambda folder: next(left) * 10**9)
    images.make("runtime-compile")
    assert (done.count("build True"), done.count("forget")) == (1, forgets)


def test_a_build_that_would_not_fit_even_then_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(images, "free", lambda folder: 9 * 10**9)
    with pytest.raises(ClusterError, match="takes up to 10 GB while it is built, and 9 GB are free"):
        images.make("runtime-compile")


def test_an_image_that_another_process_has_built_meanwhile_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(images, "_make", lambda *_: pytest.fail("it is there"))
    archive = images.reference_of("operator").archive
    archive.parent.mkdir(parents=True)
    archive.touch()
    images.make("operator")


def test_a_former_image_goes_unless_another_checkout_has_used_it_within_the_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = images.images_folder()
    folder.mkdir(parents=True)
    for name, age in (("operator-old", 3700), ("operator-others", 3500), ("operator-killed", 0), ("runtime-serve-old", 3700)):
        path = folder / f"{name}.{'partial' if 'killed' in name else 'tar'}"
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    removed: list[str] = []
    store = ImageStore()
    current = images.reference_of("operator").reference
    names = [*(f"{images.PREFIX}/operator:{tag}" for tag in ("old", "others", "older")), f"{images.PREFIX}/operator@sha256:0"]
    monkeypatch.setattr(store, "references", lambda: [*names, current, f"{images.PREFIX}/runtime-serve:old"])
    monkeypatch.setattr(store, "remove", removed.extend)
    images._remove_old("operator", store, images.REPOSITORY)
    assert removed == [names[0], names[2], names[3]]
    assert sorted(path.name for path in folder.iterdir()) == ["operator-others.tar", "runtime-serve-old.tar"]


def test_an_archive_that_is_gone_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ClusterError, match="is gone, removed by another checkout or a person: the same command makes it anew"):
        ImageStore()._import(images.reference_of("operator"))
