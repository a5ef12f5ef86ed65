"""Infinity, with its own queue, which sorts what waits by length: python infinity_server.py FOLDER PORT LARGEST_BATCH TASK. Its engine is replaced by
the one that all servers have here: what is compared is what is around it."""

import importlib
import sys

import numpy as np
import uvicorn
from engine import Embedder
from infinity_emb import EngineArgs, create_server
from infinity_emb.transformer.abstract import BaseClassifer, BaseCrossEncoder, BaseEmbedder

FOLDER, PORT, LARGEST, TASK = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


class OpenVino:
    """The three steps that it runs, each in a thread of its own: tokens, the graph, and what is made of its answer."""

    def __init__(self, *, engine_args):
        self.engine_args = engine_args
        self.embedder = Embedder(FOLDER)

    def encode_pre(self, texts):
        return self.embedder.tokenizer.encode_batch_fast(list(texts))

    def encode_core(self, encoded):
        return self.embedder.infer([each.ids for each in encoded], [each.type_ids for each in encoded])

    def tokenize_lengths(self, texts):
        return [len(each.ids) for each in self.embedder.tokenizer.encode_batch_fast(list(texts))]


class Vectors(OpenVino, BaseEmbedder):
    def encode_post(self, found, skip_quanitzation=True):
        return list(found)


class Labels(OpenVino, BaseClassifer):
    def encode_post(self, found):
        raised = np.exp(found - found.max(axis=1, keepdims=True))
        shares = raised / raised.sum(axis=1, keepdims=True)
        return [[{"label": str(place), "score": float(share)} for place, share in enumerate(row)] for row in shares]


class Scores(OpenVino, BaseCrossEncoder):
    def encode_post(self, found):
        return found[:, 0].tolist()


class Chosen:
    """What it calls by `value`, as it would a member of its own list of engines."""

    value = {"embeddings": Vectors, "text-classification": Labels, "text-ranking": Scores}[TASK]


if __name__ == "__main__":
    importlib.import_module("infinity_emb.inference.select_model").get_engine_type_from_config = lambda _: Chosen
    arguments = EngineArgs(model_name_or_path=FOLDER, served_model_name="encoder", batch_size=LARGEST, device="cpu", engine="debugengine")
    app = create_server(engine_args_list=[arguments])
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", access_log=False)
