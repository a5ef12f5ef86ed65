"""BentoML: bentoml serve bentoml_sleeper:Sleeper."""

import time

import bentoml


@bentoml.service(workers=2, traffic={"timeout": 60})
class Sleeper:
    """One endpoint."""

    @bentoml.api
    def predict(self, milliseconds: int) -> int:
        if milliseconds < 0:
            raise RuntimeError("it was to fail")
        time.sleep(milliseconds / 1000)
        return milliseconds
