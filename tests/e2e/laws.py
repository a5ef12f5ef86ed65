"""A pod of the compile image that tries the laws of all back ends on the real model, and the contracts of Neuron and CUDA: the only place where torch is."""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

import yaml

import minilm
from e2e.ground import GENERAL, ROOT, Ground

CONTRACTS = (
    "contract/test_cuda.py",
    "contract/test_neuron.py",
    "contract/test_onnxruntime_cuda.py",
    "contract/test_optimum_neuron.py",
    "contract/test_tasks.py",
    "contract/test_torch_neuron.py",
)
LAWS = (
    "unit/runtime/test_compile_minilm.py",
    "unit/runtime/test_compile_tasks.py",
    "unit/runtime/test_compile_vision.py",
    "unit/runtime/test_vllm_narrow.py",
    *CONTRACTS,
)
POD = "laws"


def pytest_without_installing(into: Path) -> Path:
    """pytest and what it needs as a folder: all of it is pure Python, and the image must stay what users get."""
    for name in ("pytest", "pluggy", "iniconfig", "packaging", "pygments"):
        for file in distribution(name).files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                target = into / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target)
    return into


def try_laws(ground: Ground, namespace: str, folder: Path, laws: tuple[str, ...] = LAWS, memory: str = "4Gi") -> None:
    """Start the pod, with the least share of the processors: it runs beside everything else."""
    kit = pytest_without_installing(folder)
    kit.chmod(0o755)
    folders = {"kit": kit, "tests": ROOT / "tests", "models": minilm.cache_folder()}
    minilm.fetch()
    container = {
        "name": "laws",
        "image": ground.compile.reference,
        "imagePullPolicy": "Never",
        "command": ["python", "-m", "pytest", "--noconftest", "--rootdir=/tests", "-c", "/dev/null", "-p", "no:cacheprovider", "-v", "--durations=5", *(f"/tests/{law}" for law in laws)],
        "env": [
            {"name": "PYTHONPATH", "value": "/opt/app:/kit:/tests"},
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
            {"name": "XDG_CACHE_HOME", "value": "/cache"},
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "1Gi"}, "limits": {"memory": memory}},
        "volumeMounts": [
            {"name": "kit", "mountPath": "/kit", "readOnly": True},
            {"name": "tests", "mountPath": "/tests", "readOnly": True},
            {"name": "models", "mountPath": "/cache/steelyard/models", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "shm", "mountPath": "/dev/shm"},
        ],
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
    }  # fmt: skip
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "nodeSelector": GENERAL,
        "containers": [container],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            *({"name": n, "hostPath": {"path": str(f)}} for n, f in folders.items()),
        ],
    }
    metadata = {"name": POD, "namespace": namespace}
    ground.cluster.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
