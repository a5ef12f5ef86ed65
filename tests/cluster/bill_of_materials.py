"""What is in each image, as a CycloneDX document (https://cyclonedx.org/docs/1.6/json/): Python packages from the locks that the Dockerfile
installs, and Debian's from the image itself where its archive is at hand.

Where it is not, the document says that it is incomplete. Equal inputs make an equal document: there is no time in it.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from cluster import dockerfile, images
from cluster.images import REPOSITORY

SPECIFICATION = "1.6"
FOLDER = REPOSITORY / "build" / "sbom"
BUILDS = "build"
"""The stage whose tools make environments, and stay in no image."""
STATUS = "var/lib/dpkg/status"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+?)(?:\s*;.*)? *\\?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")

Component = dict[str, Any]


def locks_of(target: str, text: str) -> list[str]:
    """The locks whose packages a target's image has, as the Dockerfile names them."""
    found = (source for stage in dockerfile.stages_of(text, target) if stage.name != BUILDS for source in stage.sources)
    return sorted({source for source in found if source.startswith("locks/")})


def base_of(target: str, text: str) -> str:
    """The base image of a target, with the default of the argument that names it."""
    known, defaults = dockerfile.stages(text), dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    base = known[target].base
    while base in known:
        base = known[base].base
    return re.sub(r"\$\{(\w+)\}", lambda argument: defaults.get(argument[1], argument[0]), base)


def python_packages(lock: str) -> list[Component]:
    """Of the text of a lock: a component for each package. Which of a version's files was installed depends on the platform, so all hashes that
    the lock allows are given as properties."""
    found: list[Component] = []
    for line in lock.splitlines():
        if pinned := _PINNED.match(line):
            name, version = re.sub(r"[-_.]+", "-", pinned[1]).lower(), pinned[2]
            reference = f"pkg:pypi/{name}@{version}"
            found.append({"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference, "properties": []})
        elif found and (hashed := _HASH.search(line)):
            found[-1]["properties"].append({"name": "steelyard:allowed-sha256", "value": hashed[1]})
    return found


def debian_packages(status: str) -> list[Component]:
    """Of dpkg's own list: a component for each package that is installed."""
    found = []
    for paragraph in status.split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in paragraph.splitlines() if not line.startswith(" "))
        if fields.get("Status", "").endswith(" installed"):
            name, version = fields["Package"], fields["Version"]
            reference = f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={fields.get('Architecture', 'all')}"
            found.append({"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference})
    return found


def dpkg_status(archive: Path) -> str | None:
    """dpkg's list in an image's archive, as `docker save` and buildah write it; None where there is none. The last layer that has it counts."""
    if not archive.is_file():
        return None
    with tarfile.open(archive) as image:
        layers = json.load(_member(image, "manifest.json"))[0]["Layers"]
        for layer in reversed(layers):
            with tarfile.open(fileobj=_member(image, layer)) as tree:
                for member in tree:
                    if member.name.removeprefix("./") == STATUS and (content := tree.extractfile(member)) is not None:
                        return content.read().decode()
    return None


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    assert found is not None, name
    return found


def bill(target: str, text: str, locks: Mapping[str, str], status: str | None) -> dict[str, Any]:
    """The document of one image. `locks`: texts by name; `status`: dpkg's list, None where it could not be read."""
    components = {each["bom-ref"]: each for name in sorted(locks) for each in python_packages(locks[name])}
    components |= {each["bom-ref"]: each for each in (debian_packages(status) if status is not None else [])}
    image = f"steelyard/{target}"
    own: Component = {
        "type": "container",
        "bom-ref": image,
        "name": image,
        "properties": [{"name": "steelyard:base-image", "value": base_of(target, text)}],
    }
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {"component": own},
        "components": [components[reference] for reference in sorted(components)],
        "dependencies": [{"ref": image, "dependsOn": sorted(components)}],
        # Files that a base brings beside its packages, and what a vendor's base holds, are in no list.
        "compositions": [{"aggregate": "incomplete" if status is None else "unknown", "assemblies": [image]}],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))
    return {**document, "serialNumber": f"urn:uuid:{serial}"}


def bills(context: Path = REPOSITORY) -> Iterator[tuple[str, dict[str, Any]]]:
    """(target, document) of every image that the Dockerfile makes."""
    text = (context / "Dockerfile").read_text()
    for target in sorted({stage.name for stage in dockerfile.stages(text).values() if 'ENTRYPOINT ["steelyard' in stage.text}):
        locks = {name: (context / name).read_text() for name in locks_of(target, text)}
        yield target, bill(target, text, locks, dpkg_status(images.reference_of(target, context).archive))


def main() -> None:
    """Write one file for each image."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for target, document in bills():
        path = FOLDER / f"{target}.cdx.json"
        path.write_text(json.dumps(document, indent=1) + "\n")
        whole = "" if document["compositions"][0]["aggregate"] != "incomplete" else "; without Debian's: the image's archive is not here"
        sys.stdout.write(f"{path.relative_to(REPOSITORY)}: {len(document['components'])} packages{whole}\n")


if __name__ == "__main__":
    main()
