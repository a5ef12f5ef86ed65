"""The engine without a server, for images: decoded, preprocessed and computed in batches, as fast as one core goes. python raw_images.py FOLDER SECONDS
< seeds, one a line. Runs in our own environment."""

import json
import random
import sys
import time
from pathlib import Path

import numpy as np

from steelyard_runtime.artifacts import manifest as manifests
from steelyard_runtime.compile.openvino import OpenVino
from steelyard_runtime.images.decode import decoded
from steelyard_runtime.images.preprocessing import preprocessing_of
from steelyard_runtime.tasks.image_classification import LOAD_SIZE, random_png
from steelyard_runtime.tensors.signature import load_signature

BATCH = 8


def main(folder: Path, seconds: float, seeds: list[str]) -> None:
    """Measure both ways, and print what each did."""
    signature, preprocessing = load_signature(folder), preprocessing_of(folder)
    manifest = manifests.decoded((folder / manifests.NAME).read_bytes())
    engine = OpenVino().load_graph(folder / "graph", manifest, signature, 1)
    images = [random_png(*LOAD_SIZE, random.Random(seed)) for seed in seeds]
    (taken,) = signature.inputs
    orders = {"none": 1, "batches in order": BATCH}
    found = {}
    for name, size in orders.items():
        batches = [images[at : at + size] for at in range(0, len(images), size)]
        engine.run({taken.name: np.zeros((size, *taken.shape[1:]), np.float32)})
        done, times, began = 0, [], time.perf_counter()
        while time.perf_counter() - began < seconds:
            for batch in batches:
                before = time.perf_counter()
                engine.run({taken.name: np.stack([preprocessing.pixels(decoded(image, "it")) for image in batch])})
                times.append(time.perf_counter() - before)
                done += len(batch)
        found[name] = {"rate": done / (time.perf_counter() - began), "milliseconds": sorted(1000 * t for t in times)}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.stdin.read().splitlines())
