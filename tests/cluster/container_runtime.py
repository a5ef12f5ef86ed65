"""containerd's configuration: on a node, and in the workshop where images are unpacked once for all nodes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from cluster.errors import ClusterError
from cluster.packages import find

#: Where the plug-ins of the container network are: Debian's folder, and everybody else's.
CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
#: From this process's environment to every container: which of the processor's instructions oneDNN may use (PyTorch and OpenVINO compute by
#: it), so that a run on an older processor can be played on a newer one.
PASSED_ON = ("ONEDNN_MAX_CPU_ISA",)


def workshop(*, root: Path, state: Path, socket: Path) -> str:
    """The configuration of a containerd that only imports. The kubelet's side of it would write records of its own, which stay behind."""
    return f"""\
version = 3
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
[grpc]
address = "{socket}"
[plugins.'io.containerd.internal.v1.opt']
path = "{root}/opt"
"""


def base_spec(ctr: Path) -> str | None:
    """What every container of a node starts from, where this process's environment has something of PASSED_ON; else containerd's own.

    A container's image and its pod may still say otherwise.
    """
    passed = [f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
    if not passed:
        return None
    spec = json.loads(subprocess.run([ctr, "oci", "spec"], capture_output=True, text=True, check=True).stdout)
    spec["process"]["env"] = [*spec["process"].get("env", ()), *passed]
    return json.dumps(spec)


def node(*, root: Path, state: Path, socket: Path, network: Path, sandbox: str, base: Path | None) -> str:
    """The configuration of a node's containerd. base: a file with what `base_spec` says."""
    runc = find("runc")
    plugins = next((folder for folder in CNI_FOLDERS if (folder / "bridge").exists()), None)
    if runc is None or plugins is None:
        raise ClusterError("nodes need runc and the container network plug-ins: install the packages runc and containernetworking-plugins")
    return f"""\
version = 3
root = "{root}"
state = "{state}"
[grpc]
address = "{socket}"
[plugins.'io.containerd.internal.v1.opt']
path = "{root}/opt"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{sandbox}"
[plugins.'io.containerd.cri.v1.runtime']
# runc may not lower oom_score_adj where CAP_SYS_RESOURCE is missing, and then dies without a word.
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = "{base or ""}"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{plugins}"]
conf_dir = "{network}"
"""
