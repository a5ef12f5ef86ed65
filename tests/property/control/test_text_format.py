"""What is written of a family of thousands of series is what prometheus_client writes."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from steelyard.control.telemetry.text_format import family_text

LABELS = st.lists(st.sampled_from(["namespace", "workload", "pool", "bound", "unit"]), unique=True, max_size=5)
TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(['a"b', "a\\b", "a\nb", "100 %s", "\\n"])


@given(st.data(), LABELS)
def test_a_family_reads_as_the_library_writes_it(data, labels):
    series = data.draw(st.lists(st.tuples(st.tuples(*[TEXT for _ in labels]), st.floats(allow_nan=False)), max_size=4))

    class Family(Collector):
        def collect(self):
            family = GaugeMetricFamily("steelyard_any", "Said of it.", labels=labels)
            for values, value in series:
                family.add_metric(values, value)
            yield family

    assert family_text("steelyard_any", "gauge", "Said of it.", labels, series) == generate_latest(Family())
