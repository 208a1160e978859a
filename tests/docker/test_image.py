"""The Dockerfile's steps are run, one by one, in a clean environment; no engine is needed (see image.py).

PIP_EXTRA_INDEX_URL in the environment is the build argument of that name, for machines that reach another index.
"""

import os
import shutil
import subprocess
from importlib import metadata

import pytest

from tests.docker.image import build
from tests.docker.test_files import DOCKER, RAY_VERSION, ROOT

pytestmark = [
    pytest.mark.learning,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts folders: root on Linux only"),
]


def test_every_step_of_the_dockerfile_runs_and_what_it_installs_works(tmp_path):
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    overrides = {name: os.environ[name] for name in ("PIP_EXTRA_INDEX_URL",) if name in os.environ}
    stage = build(DOCKER / "Dockerfile", ROOT, allowed, tmp_path, overrides)
    versions = stage.run("python -m pip list --format=freeze").split()
    assert f"ray=={RAY_VERSION}" in versions
    assert f"rllib-stackelberg=={metadata.version('rllib-stackelberg')}" in versions
    assert {"tensorboard", "mlflow-skinny", "wandb"} <= {version.partition("==")[0] for version in versions}
    # No sources are left: what is imported is the wheel.
    assert "site-packages" in stage.run("python -c 'import rllib_stackelberg; print(rllib_stackelberg.__file__)'")
    assert stage.run("id -u").strip() == "1000"
    assert not list(stage.inside("/home/ray/wheels").glob("*"))
    assert "ready to train" in (checked := stage.run("rllib-stackelberg doctor")) or "can train" in checked
    stage.run("rllib-stackelberg train escape --max-iterations 1 --out runs/a && test -s runs/a/result.json")
    with pytest.raises(RuntimeError, match=r"Read-only file system|Permission denied"):
        stage.run("touch /usr/bin/anything")
    subprocess.run(["test", "-d", str(stage.inside("runs/a"))], check=True)
