"""What every other server of the benchmark runs: our artifact, by the engine, the tokenizer and the preprocessor that ours uses. Imported in their
environments."""

import json
import os
from pathlib import Path

import numpy as np
import openvino

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def request_of(file, **more):
    """A graph on one core, whatever the machine has."""
    config = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": "1", "ENABLE_CPU_PINNING": "NO", **more}
    return openvino.Core().compile_model(file, "CPU", config).create_infer_request()


def work_of(folder):
    """What makes answers [n, numbers] of n texts, pairs of texts, or images, in one batch."""
    return Classifier(folder).classify if is_vision(folder) else Embedder(folder).embed


def is_vision(folder):
    """Whether an artifact takes images: it is a graph of tensors beside a preprocessor."""
    return (Path(folder) / "graph").is_dir()


class Embedder:
    """Rows are padded to a multiple of eight as by ours: the engine takes any length, and computes in such steps."""

    def __init__(self, folder):
        from tokenizers import Tokenizer

        manifest = json.loads((Path(folder) / "manifest.json").read_text())
        self.longest = manifest["sequenceLengths"][-1]
        self.tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.longest)
        more = {"INFERENCE_PRECISION_HINT": "f32"} if manifest["dtype"] == "float32" else {}
        self.request = request_of(Path(folder) / "model.xml", **more)
        for length in range(8, self.longest + 1, 8):
            self.infer([[1] * length])

    def embed(self, texts):
        """Vectors, logits or scores [n, numbers] of texts or of pairs of texts, in one batch."""
        encoded = self.tokenizer.encode_batch_fast(list(texts))
        return self.infer([each.ids for each in encoded], [each.type_ids for each in encoded])

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


class Classifier:
    """Images are decoded and preprocessed by our own code, and computed in float32 as by ours."""

    def __init__(self, folder):
        from steelyard_runtime.images.decode import decoded
        from steelyard_runtime.images.preprocessing import preprocessing_of

        self.decoded, self.preprocessing = decoded, preprocessing_of(Path(folder))
        self.request = request_of(Path(folder) / "graph" / "model.xml", INFERENCE_PRECISION_HINT="f32")

    def classify(self, images):
        """Logits [n, classes] of the bytes of images, in one batch."""
        pixels = np.stack([self.preprocessing.pixels(self.decoded(image, "it")) for image in images])
        return np.array(self.request.infer([pixels], share_inputs=True)[0], dtype=np.float32)
