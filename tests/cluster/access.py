"""What every cluster has, whoever made it: a kubeconfig, and kubectl and helm that use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cluster import binaries
from cluster.errors import ClusterError
from patience import PATIENCE

OURS = ("crd", "-l", "app.kubernetes.io/part-of=steelyard")
"""Steelyard's definitions, as kubectl selects them."""


class Access:
    """Administrator's access to a cluster by its kubeconfig."""

    name: str

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What a program needs to work with this cluster: the kubeconfig, and kubectl and helm (where there is one) on PATH."""
        folders = [str(binaries.programs(["kubernetes"])["kubectl"].parent)]
        if binaries.is_there("helm"):
            folders.append(str(binaries.programs(["helm"])["helm"].parent))
        path = os.pathsep.join(dict.fromkeys([*folders, *os.environ.get("PATH", "").split(os.pathsep)]))
        return {"KUBECONFIG": str(self.kubeconfig), "PATH": path, "STEELYARD_CLUSTER": self.name}

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = PATIENCE) -> str:
        """Run kubectl as the administrator, and return what it printed; anything but success is an error with what it said."""
        return self._client(binaries.programs(["kubernetes"])["kubectl"], arguments, stdin, seconds)

    def helm(self, *arguments: str, seconds: float = PATIENCE) -> str:
        """Run helm as the administrator, and return what it printed."""
        return self._client(binaries.programs(["helm"])["helm"], arguments, None, seconds)

    def apply(self, manifests: str) -> str:
        """Server-side apply of YAML documents."""
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)

    def until_established(self, *which: str) -> None:
        """Wait until these definitions (`crd/NAME`), or all of Steelyard's, are served."""
        self.kubectl("wait", "--for=condition=Established", f"--timeout={PATIENCE:.0f}s", *(which or OURS))

    def _client(self, program: Path, arguments: Sequence[str], stdin: str | None, seconds: float) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        said = f"{program.name} {' '.join(arguments)}"
        try:
            answer = subprocess.run(
                [program, *arguments], input=stdin, capture_output=True, text=True, timeout=seconds, env=environment, check=False
            )
        except subprocess.TimeoutExpired:
            raise ClusterError(f"{said} did not end within {seconds:.0f} s") from None
        if answer.returncode != 0:
            raise ClusterError(f"{said}: {answer.stderr.strip() or answer.stdout.strip()}")
        return answer.stdout


class ExistingCluster(Access):
    """The cluster of the current kubeconfig. Nothing is created or deleted here but what is applied to it."""

    name = "existing"

    @property
    def kubeconfig(self) -> Path:
        """KUBECONFIG (one file), or the file in the home directory."""
        path = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
        if not path.is_file():
            raise ClusterError(f"CLUSTER=existing uses the current kubeconfig, and {path} is not one file: set KUBECONFIG")
        return path

    def environment(self) -> dict[str, str]:
        """As everywhere; kubectl is the machine's own when it has one."""
        if shutil.which("kubectl"):
            return {"KUBECONFIG": str(self.kubeconfig), "STEELYARD_CLUSTER": self.name}
        return super().environment()
