"""What every other server of the benchmark runs: our artifact, by the engine and the tokenizer that ours uses. Imported in their environments."""

import json
import os
from pathlib import Path

import numpy as np
import openvino
from tokenizers import Tokenizer

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class Embedder:
    """One core, rows padded to a multiple of eight as by ours: the engine takes any length, and computes in such steps."""

    def __init__(self, folder):
        manifest = json.loads((Path(folder) / "manifest.json").read_text())
        self.longest = manifest["sequenceLengths"][-1]
        self.tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.longest)
        config = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": "1", "ENABLE_CPU_PINNING": "NO"}
        self.request = openvino.Core().compile_model(Path(folder) / "model.xml", "CPU", config).create_infer_request()
        for length in range(8, self.longest + 1, 8):
            self.infer([[1] * length])

    def embed(self, texts):
        """Embeddings [n, dimension] of texts, in one batch."""
        encoded = self.tokenizer.encode_batch_fast(list(texts))
        return self.infer([each.ids for each in encoded], [each.type_ids for each in encoded])

    def rank(self, query, documents):
        """Scores [n] of documents: of one batch, as one request has it."""
        return self.embed([(query, document) for document in documents])[:, 0]

    def infer(self, rows, segments=()):
        """The same of token ids. segments: of each, 1 of a second text, which the mask has as 2."""
        length = min(self.longest, -(-max(map(len, rows)) // 8) * 8)
        ids = np.zeros((len(rows), length), dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=np.int64)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
            if segments:
                mask[number, : len(row)] += np.array(segments[number])
        return np.array(self.request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)[0], dtype=np.float32)
