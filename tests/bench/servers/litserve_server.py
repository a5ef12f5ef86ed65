"""LitServe, with its own batching: python litserve_server.py FOLDER PORT LARGEST_BATCH."""

import sys

import litserve
from engine import Embedder


class Api(litserve.LitAPI):
    """Its protocol: setup, decode, predict, encode."""

    def setup(self, device):
        self.embedder = Embedder(sys.argv[1])

    def decode_request(self, request):
        return (request["query"], request["documents"]) if "query" in request else request["input"]

    def predict(self, texts):
        if isinstance(texts, tuple):
            return self.embedder.rank(*texts)
        return self.embedder.embed([texts] if isinstance(texts, str) else texts)

    def encode_response(self, output):
        return {"embedding": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Api(max_batch_size=int(sys.argv[3]), batch_timeout=0.005), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), log_level="error", generate_client_file=False)
