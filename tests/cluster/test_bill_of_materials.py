"""Every image has a bill of materials that tools can read: what the locks install, and what Debian says is there."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cluster.bill_of_materials import base_of, bill, bills, debian_packages, dpkg_status, locks_of, python_packages
from cluster.images import REPOSITORY

TEXT = (REPOSITORY / "Dockerfile").read_text()
BILLS = dict(bills())
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Package: not a field

Package: gone
Status: deinstall ok config-files
Version: 1
"""


@pytest.mark.parametrize("target", BILLS)
def test_the_document_has_what_the_standard_requires(target: str) -> None:
    document = BILLS[target]
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", document["serialNumber"])
    components: list[dict[str, Any]] = [document["metadata"]["component"], *document["components"]]
    for component in components:
        assert component["type"] in {"container", "library"}
        assert component["name"]
    references = [component["bom-ref"] for component in components]
    assert len(set(references)) == len(references), "each is unique"
    [depends] = document["dependencies"]
    assert {depends["ref"], *depends["dependsOn"]} == set(references)
    assert document["compositions"][0]["aggregate"] in {"incomplete", "unknown"}
    assert all(set(each) == {"name", "value"} for component in components for each in component.get("properties", ()))


def test_every_image_of_the_dockerfile_has_one_and_nothing_that_only_builds_is_in_it() -> None:
    assert set(BILLS) == {
        *("operator", "runtime-serve", "runtime-compile", "runtime-cuda", "runtime-vllm", "runtime-vllm-device", "runtime-neuron")
    }
    assert {target: locks_of(target, TEXT) for target in BILLS} == {target: [f"locks/{target}.txt"] for target in BILLS}


@pytest.mark.parametrize("target", BILLS)
def test_every_package_of_the_lock_is_in_it_with_every_hash_that_may_be_installed(target: str) -> None:
    lock = (REPOSITORY / f"locks/{target}.txt").read_text()
    found = python_packages(lock)
    assert len(found) == len(re.findall(r"^[A-Za-z0-9]", lock, re.MULTILINE))
    assert sum(len(each["properties"]) for each in found) == len(re.findall("--hash=", lock))
    assert {each["purl"] for each in found} <= {each["purl"] for each in BILLS[target]["components"]}


def test_debians_packages_are_those_that_are_installed() -> None:
    [package] = debian_packages(STATUS)
    assert (package["name"], package["version"]) == ("libc6", "2.36-9+deb12u10")
    assert package["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64"


def test_debians_list_is_that_of_the_last_layer_of_the_image(tmp_path: Path) -> None:
    assert dpkg_status(tmp_path / "none.tar") is None
    layers = {"a.tar": tar({"var/lib/dpkg/status": b"old"}), "b.tar": tar({"./var/lib/dpkg/status": STATUS.encode()}), "c.tar": tar({})}
    manifest = json.dumps([{"Layers": list(layers)}]).encode()
    (tmp_path / "image.tar").write_bytes(tar({"manifest.json": manifest, **layers}))
    assert dpkg_status(tmp_path / "image.tar") == STATUS
    document = bill("operator", TEXT, {}, STATUS)
    assert [each["name"] for each in document["components"]] == ["libc6"]
    assert bill("operator", TEXT, {}, None)["compositions"][0]["aggregate"] == "incomplete"


def test_equal_inputs_make_an_equal_document_and_others_another() -> None:
    assert bill("operator", TEXT, {}, STATUS) == bill("operator", TEXT, {}, STATUS)
    assert bill("operator", TEXT, {}, STATUS)["serialNumber"] != bill("operator", TEXT, {}, None)["serialNumber"]


def test_it_names_the_base_that_the_image_stands_on() -> None:
    assert base_of("operator", TEXT).startswith("docker.io/library/python:3.11-slim")
    assert base_of("runtime-neuron", TEXT).startswith("public.ecr.aws/neuron/")


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
