"""Ray Serve: python rayserve_sleeper.py PORT METRICS_PORT."""

import asyncio
import sys
import time

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse


@serve.deployment(max_ongoing_requests=16, ray_actor_options={"num_cpus": 0.1})
class Sleeper:
    """One route."""

    async def __call__(self, request: Request) -> JSONResponse:
        milliseconds = int((await request.json())["milliseconds"])
        if milliseconds < 0:
            return JSONResponse({"error": "it was to fail"}, 500)
        await asyncio.sleep(milliseconds / 1000)
        return JSONResponse(milliseconds)


if __name__ == "__main__":
    port, metrics = map(int, sys.argv[1:])
    ray.init(num_cpus=1, include_dashboard=False, _metrics_export_port=metrics, object_store_memory=80 * 2**20)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Sleeper.bind(), name="sleeper", route_prefix="/sleep")
    while True:
        time.sleep(60)
