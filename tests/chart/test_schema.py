"""A wrong value is refused before anything is sent, and the refusal says where and what."""

import re

import pytest
import yaml

from chart.helm import HelmRefusedError, template
from steelyard.app.config import ConfigError, load

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


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"store": {"secretName": "store"}}, "config.store.readSecretName is needed"),
        ({"observe": {"source": "Prometheus"}}, "config.observe.prometheusUrl is needed"),
        ({"observe": {"gateway": {"clusterName": "envoy"}}}, "config.observe.gateway.clusterName needs"),
        ({"publish": {"nodeOverlays": True}, "watchNamespaces": ["a"]}, "config.publish needs config.watchNamespaces to be empty"),
        ({"publish": {"priorityExpanderNamespace": "a"}, "watchNamespaces": ["a"]}, "config.publish needs config.watchNamespaces"),
        ({"cache": {"hostPath": "/a", "claimName": "b"}}, "not both"),
        ({"cache": {"hostPath": "/var/../etc"}}, "must not contain .."),
        ({"signing": {"publicKeys": "-----BEGIN PUBLIC KEY-----"}}, "config.signing.publicKeys needs config.signing.secretName"),
        ({"signing": {"publicKeys": "-----BEGIN PRIVATE KEY-----", "secretName": "keys"}}, "has a private key"),
    ],
)
def test_what_the_operator_would_refuse_is_refused_before_it_starts(config, said, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError):
        load(tmp_path / "config.yaml")
    with pytest.raises(HelmRefusedError, match=re.escape(said)):
        template({"config": config})


def test_keys_that_write_go_with_others_that_only_read():
    template({"config": {"store": {"secretName": "store", "readSecretName": "store-read"}}})
