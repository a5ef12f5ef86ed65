"""KServe's Python server: python kserve_sleeper.py PORT."""

import asyncio
import sys

from kserve import Model, ModelServer


class Sleeper(Model):
    """By its first protocol."""

    def __init__(self):
        super().__init__("sleeper")
        self.ready = True

    async def predict(self, payload, headers=None):
        (milliseconds,) = payload["instances"]
        if milliseconds < 0:
            raise RuntimeError("it was to fail")
        await asyncio.sleep(milliseconds / 1000)
        return {"predictions": [milliseconds]}


if __name__ == "__main__":
    port = sys.argv.pop()
    ModelServer(http_port=int(port), enable_grpc=False, workers=1, access_log_format=None).start([Sleeper()])
