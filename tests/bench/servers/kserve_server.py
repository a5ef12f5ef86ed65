"""KServe's Python server, which has no batching of its own: python kserve_server.py FOLDER PORT."""

import sys

from engine import Embedder
from kserve import Model, ModelServer


class Encoder(Model):
    """Its first protocol, which it serves fastest."""

    def __init__(self, folder):
        super().__init__("encoder")
        self.embedder = Embedder(folder)
        self.ready = True

    def predict(self, payload, headers=None):
        return {"predictions": self.embedder.embed(payload["instances"]).tolist()}


if __name__ == "__main__":
    folder, port = sys.argv[1:3]
    sys.argv[1:] = []
    ModelServer(http_port=int(port), enable_grpc=False, workers=1, access_log_format=None).start([Encoder(folder)])
