"""A wrong value is refused before anything is sent, and the refusal says where and what."""

import pytest

from chart.helm import HelmRefusedError, template

WRONG = {
    "an unknown name": ({"replica": 3}, "replica"),
    "an unknown name of the configuration": ({"config": {"freeze": True}}, "freeze"),
    "an unknown name deep inside": ({"config": {"store": {"bucket": "x"}}}, "bucket"),
    "an unknown name in a toolchain": ({"config": {"toolchains": {"openvino": {"image": "x"}}}}, "image"),
    "an unknown name of Kubernetes": ({"tolerations": [{"keys": "a"}]}, "keys"),
    "an unknown name deep in Kubernetes": ({"affinity": {"nodeAffinity": {"required": []}}}, "required"),
    "text for a number": ({"replicas": "two"}, "/replicas"),
    "no replicas": ({"replicas": 0}, "/replicas"),
    "a currency in lower case": ({"config": {"currency": "usd"}}, "/config/currency"),
    "a number out of bounds": ({"config": {"observe": {"intervalSeconds": 0}}}, "/config/observe/intervalSeconds"),
    "a source that is none": ({"config": {"observe": {"source": "Graphite"}}}, "/config/observe/source"),
    "a digest that is none": ({"image": {"digest": "sha256:abc"}}, "/image/digest"),
    "a budget that blocks every drain": ({"podDisruptionBudget": {"maxUnavailable": 0}}, "/podDisruptionBudget/maxUnavailable"),
    "a name that Kubernetes refuses": ({"fullnameOverride": "Steelyard"}, "/fullnameOverride"),
    "a name that is too long": ({"fullnameOverride": "s" * 53}, "/fullnameOverride"),
    "a label that Kubernetes refuses": ({"commonLabels": {"team": "a b"}}, "/commonLabels/team"),
    "an object without a kind": ({"extraObjects": [{"apiVersion": "v1", "metadata": {}}]}, "kind"),
    "a URL that ends in a slash": ({"prometheusRule": {"runbookUrl": "https://example.com/"}}, "/prometheusRule/runbookUrl"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_refused(case):
    values, named = WRONG[case]
    with pytest.raises(HelmRefusedError) as refusal:
        template(values)
    said = str(refusal.value)
    assert "values don't meet the specifications of the schema" in said
    assert named in said or named.strip("/").replace("/", ".") in said, said


def test_values_of_a_parent_chart_are_let_through():
    template({"global": {"anything": {"at": "all"}}, "enabled": True})


def test_keys_that_write_need_others_that_only_read():
    with pytest.raises(HelmRefusedError, match=r"config\.store\.readSecretName is needed"):
        template({"config": {"store": {"secretName": "store"}}})
    template({"config": {"store": {"secretName": "store", "readSecretName": "store-read"}}})
