"""The cluster's fixtures for every test, only those that ask for them pay; and no example of a property test that fails for being slow."""

from hypothesis import HealthCheck, settings

import property.effort  # noqa: F401 - which examples are tried is the same for all tests, whichever are run
import steelyard  # noqa: F401 - before numpy: it says how many threads that may have
from steelyard.app import process_memory

pytest_plugins = ["cluster.fixtures"]

settings.register_profile("whatever the machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the machine")


def pytest_collection_finish() -> None:
    """All tests and what they import are there for good: the fuzzers, which collect garbage before each measurement, would look through all of them."""
    process_memory.look_seldom()
    process_memory.keep_what_is_there()
