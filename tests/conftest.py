"""The cluster's fixtures for every test, only those that ask for them pay; and no example of a property test that fails for being slow."""

import os

from hypothesis import HealthCheck, settings

# Before numpy is imported: its linear algebra waits for a second thread by turning, which takes that processor from whatever runs beside it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

pytest_plugins = ["cluster.fixtures"]

settings.register_profile("whatever the machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the machine")
