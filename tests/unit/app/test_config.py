"""The configuration file: closed, with errors that name the field."""

from pathlib import Path

import pytest
import yaml

from steelyard.app.config import ConfigError, load
from steelyard.app.wiring import scopes_of, settings_of
from steelyard.control.kube.resource import ACCELERATOR_POOLS
from steelyard.core.facts.snapshot import ServeCache

GOOD = """
toolchains:
  openvino: {serveImage: s, compileImage: c, versions: {openvino: 2026.4.1}, target: cpu/x86-64}
store: {uri: s3://artifacts, endpoint: http://store:7070, secretName: store, readSecretName: reader}
watchNamespaces: [team-a]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(text)
    return file


def test_a_good_file_becomes_settings(tmp_path: Path):
    config = load(written(tmp_path, GOOD))
    settings = settings_of(config)
    assert settings.toolchains["openvino"].versions == {"openvino": "2026.4.1"}
    assert (settings.store_secret, settings.store_read_secret) == ("store", "reader")
    assert {s.namespaces for s in scopes_of(config) if s.resource.namespaced} == {("team-a",)}


def test_an_installation_watches_the_pools_that_have_all_of_its_labels(tmp_path: Path):
    def watched(text: str) -> str:
        [pools] = [s for s in scopes_of(load(written(tmp_path, text))) if s.resource == ACCELERATOR_POOLS]
        return pools.label_selector

    assert watched("{}") == ""
    assert watched("poolLabels: {example.com/team: a, tier: ''}") == "example.com/team=a,tier="
    for wrong in ("{'no spaces': a}", "{tier: 'a,b'}", "{tier: -a}", "{tier: true}"):
        with pytest.raises(ConfigError, match="poolLabels"):
            load(written(tmp_path, f"poolLabels: {wrong}"))


def signing(kind: str, body: str, secret: str | None = None) -> str:
    """A configuration with one block of PEM."""
    return yaml.safe_dump({"signing": {"secretName": secret, "publicKeys": f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"}})


def test_public_keys_are_given_on_as_they_are(tmp_path: Path):
    text = signing("PUBLIC KEY", "MCowBQYDK2VwAyEA" + "A" * 43 + "=", secret="keys")
    settings = settings_of(load(written(tmp_path, text)))
    assert settings.signing_secret == "keys"
    assert settings.public_keys == yaml.safe_load(text)["signing"]["publicKeys"].strip()


def test_a_cache_is_off_until_it_has_a_place(tmp_path: Path):
    assert settings_of(load(written(tmp_path, "cache: {size: 5Gi}"))).serve_cache is None
    found = settings_of(load(written(tmp_path, "cache: {hostPath: /var/cache/steelyard, size: 5Gi}"))).serve_cache
    assert found == ServeCache(host_path="/var/cache/steelyard", claim=None, size_bytes=5 << 30)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("currency: dollars", "currency"),
        ("moveAtOnce: 2", "moveAtOnce"),
        ("watchNamespaces: [team-a, team-a]", "watchNamespaces must give each namespace once"),
        ("watchNamespaces: [Team]", "watchNamespaces"),
        ("observe: {source: Prometheus}", "prometheusUrl is needed"),
        ("observe: {intervalSeconds: 0}", "observe.intervalSeconds"),
        ("observe: {gateway: {clusterName: envoy}}", "clusterName needs {namespace} and {service}"),
        ("observe: {gateway: {clusterName: '{namespace}/{service}/{hash}'}}", "no other braces"),
        ("store: [", "is not YAML"),
        ("log: {level: LOUD}", "log.level"),
        ("store: {secretName: writer}", "readSecretName is needed with secretName"),
        ("registries: {allowed: ['https://registry.example.com']}", "registries.allowed"),
        ("cache: {hostPath: /a, claimName: b}", "not both"),
        (signing("PUBLIC KEY", "MCowBQYDK2VwAyEA" + "A" * 43 + "="), "publicKeys needs secretName"),
        (signing("PRIVATE KEY", "AAAA", secret="keys"), "has a private key"),
        (signing("PUBLIC KEY", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", secret="keys"), "not of Ed25519"),
        ("signing: {secretName: keys, publicKeys: none}", "has no key in PEM"),
        ("cache: {hostPath: var/cache}", "cache.hostPath"),
        ("cache: {hostPath: /}", "cache.hostPath"),
        ("cache: {hostPath: /var/../etc}", "must not contain .."),
        ("cache: {hostPath: /a, size: 20}", "cache.size"),
    ],
)
def test_a_bad_file_is_refused_by_the_name_of_the_field(tmp_path: Path, text: str, part: str):
    with pytest.raises(ConfigError, match=part.replace(".", r"\.")):
        load(written(tmp_path, text))


def test_a_missing_file_says_how_to_give_one(tmp_path: Path):
    with pytest.raises(ConfigError, match="--config"):
        load(tmp_path / "none.yaml")


def test_an_installation_for_some_namespaces_publishes_nothing(tmp_path: Path):
    for publish in ("{nodeOverlays: true}", "{priorityExpanderNamespace: kube-system}"):
        assert load(written(tmp_path, f"publish: {publish}")).publish.anything
        with pytest.raises(ConfigError, match="publish needs watchNamespaces to be empty"):
            load(written(tmp_path, f"{GOOD}publish: {publish}"))
