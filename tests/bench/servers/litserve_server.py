"""LitServe, with its own batching: python litserve_server.py FOLDER PORT LARGEST_BATCH SECONDS_TO_WAIT."""

import base64
import sys

import litserve
from engine import work_of


class Api(litserve.LitAPI):
    """Its protocol: setup, decode, predict, encode. Without batching it predicts one request, which may be a batch already."""

    def setup(self, device):
        self.work = work_of(sys.argv[1])

    def decode_request(self, request):
        if "image" in request:
            return base64.b64decode(request["image"])
        return [(request["query"], each) for each in request["documents"]] if "query" in request else request["input"]

    def predict(self, asked):
        return self.work(asked) if isinstance(asked, list) else self.work([asked])[0]

    def encode_response(self, output):
        return {"output": output.tolist()}


if __name__ == "__main__":
    api = Api(max_batch_size=int(sys.argv[3]), batch_timeout=float(sys.argv[4]))
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), log_level="error", generate_client_file=False)
