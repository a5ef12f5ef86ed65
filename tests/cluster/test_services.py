"""The object store and Prometheus, as programs of the demo and of the tests use them."""

import json
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import obstore
import pytest
from obstore.store import S3Store

from cluster.cluster import Cluster
from cluster.image_store import box
from cluster.waiting import wait_until

PODS = """
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: {namespace}
  annotations: {{prometheus.io/scrape: "true", prometheus.io/port: "8080"}}
spec:
  containers: [{{name: web, image: {image}, args: [serve, ":8080"]}}]
"""


def s3(cluster: Cluster, bucket: str) -> S3Store:
    store = cluster.s3
    return S3Store(
        bucket,
        endpoint=store.endpoint,
        access_key_id=store.access_key,
        secret_access_key=store.secret_key,
        region=store.region,
        client_options={"allow_http": True},
    )


@pytest.mark.apiserver
def test_objects_put_as_files_are_read_over_s3_and_the_other_way_round(control_plane: Cluster, tmp_path: Path) -> None:
    (tmp_path / "model" / "weights").mkdir(parents=True)
    (tmp_path / "model" / "config.json").write_bytes(b"{}")
    (tmp_path / "model" / "weights" / "a.bin").write_bytes(bytes(range(256)) * 4096)
    bucket = control_plane.s3.bucket("models")
    assert control_plane.s3.put_folder(bucket, "tiny", tmp_path / "model") == "s3://models/tiny"

    store = s3(control_plane, bucket)
    assert bytes(obstore.get(store, "tiny/weights/a.bin").bytes()) == bytes(range(256)) * 4096
    assert bytes(obstore.get_range(store, "tiny/weights/a.bin", start=2, end=4)) == b"\x02\x03"
    assert sorted(entry["path"] for page in obstore.list(store) for entry in page) == ["tiny/config.json", "tiny/weights/a.bin"]

    obstore.put(store, "made/by/a/client", b"hello")
    assert (control_plane.s3.folder / bucket / "made/by/a/client").read_bytes() == b"hello"
    with pytest.raises(obstore.exceptions.AlreadyExistsError):
        obstore.put(store, "made/by/a/client", b"again", mode="create")


@pytest.mark.apiserver
def test_strangers_are_refused_by_the_object_store(control_plane: Cluster) -> None:
    bucket = control_plane.s3.bucket("private")
    store = S3Store(
        bucket,
        endpoint=control_plane.s3.endpoint,
        access_key_id=control_plane.s3.access_key,
        secret_access_key="nothing",
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    with pytest.raises(obstore.exceptions.PermissionDeniedError):
        obstore.put(store, "key", b"value")


@pytest.mark.apiserver
def test_the_reader_of_the_object_store_gets_and_lists_and_writes_nothing(control_plane: Cluster) -> None:
    bucket = control_plane.s3.bucket("read")
    obstore.put(s3(control_plane, bucket), "key", b"value")
    reader = S3Store(
        bucket,
        endpoint=control_plane.s3.endpoint,
        access_key_id=control_plane.s3.read_access_key,
        secret_access_key=control_plane.s3.read_secret_key,
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    assert bytes(obstore.get(reader, "key").bytes()) == b"value"
    assert [entry["path"] for page in obstore.list(reader) for entry in page] == ["key"]
    with pytest.raises(FileNotFoundError):
        obstore.get(reader, "none")
    for change in (lambda: obstore.put(reader, "key", b"other"), lambda: obstore.delete(reader, "key")):
        with pytest.raises(obstore.exceptions.BaseError):
            change()
    assert bytes(obstore.get(reader, "key").bytes()) == b"value"


@pytest.mark.nodes
def test_prometheus_finds_pods_and_takes_its_first_sample(nodes_cluster: Cluster, node_namespace: str) -> None:
    nodes_cluster.apply(PODS.format(namespace=node_namespace, image=box().reference))
    url = nodes_cluster.prometheus()

    def sampled() -> bool:
        query = quote(f'up{{namespace="{node_namespace}"}}')
        with urlopen(f"{url}/api/v1/query?query={query}", timeout=5) as answer:
            return bool(json.load(answer)["data"]["result"])

    wait_until("the first sample", sampled, seconds=90, every=0.2)
