"""BentoML, with its adaptive batching: bentoml serve bentoml_server:Encoder, with the folder in STEELYARD_BENCH_FOLDER."""

import os

import bentoml
import numpy as np
from engine import Embedder


@bentoml.service(workers=1, traffic={"timeout": 60})
class Encoder:
    """One endpoint. A bound of latency that it may not keep makes it refuse requests, so it gets a wide one."""

    def __init__(self):
        self.embedder = Embedder(os.environ["STEELYARD_BENCH_FOLDER"])

    @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=5000)
    def embed(self, texts: list[str]) -> np.ndarray:
        return self.embedder.embed(texts)
