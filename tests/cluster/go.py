"""The Go of this machine. Read by any Python from 3.6 on, as is `preflight`, which says that a newer one is needed."""

import shutil
import subprocess
from functools import lru_cache


@lru_cache(maxsize=8)
def go_setting(name):
    """What `go env` says, for example `go1.26.8` of GOVERSION; None where there is no Go that answers."""
    go = shutil.which("go")
    if go is None:
        return None
    # Outside of any module, so that a go.mod's toolchain line cannot change the answer.
    answer = subprocess.run([go, "env", name], check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/")
    return answer.stdout.decode().strip() if answer.returncode == 0 else None
