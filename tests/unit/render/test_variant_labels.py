"""What is rendered of a variant: on its pool's name and nodes, and told apart from the model as it is by a label of its own."""

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.render import label, name

WORKLOAD = WorkloadKey("ns", "embed")
PLAIN, INT8 = PlacementKey("cpu", "0a1b2c3d"), PlacementKey("cpu.int8", "4e5f6a7b")


def test_the_label_of_the_pool_is_the_pool_and_the_variant_has_its_own() -> None:
    labels = label.of_placement(WORKLOAD, INT8)
    assert (labels[label.POOL], labels[label.VARIANT]) == ("cpu", "int8")
    assert label.VARIANT not in label.of_placement(WORKLOAD, PLAIN)


def test_a_placement_is_read_back_from_its_labels() -> None:
    for key in (PLAIN, INT8):
        assert label.key_of(label.of_placement(WORKLOAD, key)) == key
        assert label.key_of(label.of_probe(WORKLOAD, key, "move")) == key
        assert label.key_of(label.of_trial(WORKLOAD, key, "trial")) == key


def test_names_of_objects_have_no_dot_and_differ() -> None:
    names = [name.placement(WORKLOAD, key) for key in (PLAIN, INT8)]
    assert names == ["embed-cpu-0a1b2c3d5", "embed-cpu-4e5f6a7b5"]
    assert name.probe_job(WORKLOAD, PLAIN, "m") != name.probe_job(WORKLOAD, INT8, "m")
    assert name.trial_job("trial", "cpu") != name.trial_job("trial", "cpu.int8")


def test_the_selector_of_a_variant_finds_its_own_pods_alone() -> None:
    selector = label.selector(WORKLOAD, INT8)
    for key, found in ((INT8, True), (PLAIN, False)):
        labels = label.of_placement(WORKLOAD, key)
        assert all(labels.get(part) == value for part, value in selector.items()) is found
