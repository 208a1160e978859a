"""Where nothing can be written: read-only packages, a read-only home, a long TMPDIR. It works, or says what to set."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import rllib_stackelberg
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.runs import doctor, ray_files

ROOT = Path(rllib_stackelberg.__file__).parent.parent
CAPABILITIES = "-dac_override,-dac_read_search"


def without_rights(command):
    """The command for somebody whom permissions stop: root is not, but for these two capabilities."""
    if os.geteuid():
        return command
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv where tests run as root")
    return ["setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}", *command]


@pytest.fixture(scope="module")
def hardened(tmp_path_factory):
    """A read-only copy of the package and a read-only home."""
    folder = tmp_path_factory.mktemp("hardened")
    for name in ("rllib_stackelberg", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "home").mkdir()
    places = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for place in places:
        place.chmod(0o555)
    yield folder
    for place in places:
        place.chmod(0o755)


def run(folder, *arguments, **environment):
    dropped = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "RAY_ADDRESS")
    clean = {name: value for name, value in os.environ.items() if name not in dropped}
    clean |= {"HOME": str(folder / "home"), "PYTHONPATH": str(folder), **environment}
    command = without_rights([sys.executable, "-m", "rllib_stackelberg", *arguments])
    return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=120, check=False, cwd=folder)


def test_commands_work_where_nothing_can_be_written(hardened):
    """Numba refuses to keep compiled functions there, at import."""
    done = run(hardened, "solve", "escape")
    assert done.returncode == 0, done.stderr
    assert "leader value" in done.stdout
    assert not list((hardened / "rllib_stackelberg").rglob("__pycache__"))


def test_training_says_what_to_set_before_ray_starts(hardened, tmp_path):
    done = run(hardened, "train", "escape", "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "HOME" in done.stderr
    assert "Ray ..." not in done.stdout + done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.learning  # what it says of a home is in the test of training above, how it says it in test_doctor.py
def test_doctor_says_what_to_set(hardened):
    done = run(hardened, "doctor", "--json")
    assert done.returncode == 1, done.stderr  # training cannot work without a home
    assert "NUMBA_CACHE_DIR" in done.stdout
    assert '"HOME: cannot write' in done.stdout


def test_a_temporary_folder_too_long_for_sockets_is_refused(monkeypatch, tmp_path):
    long = Path("/tmp") / ("t" * 60)
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(long))
    with pytest.raises(InvalidFieldError, match=r"TMPDIR: has 65 characters.*set RAY_TMPDIR"):
        ray_files.check_temporary_folder()
    assert doctor.temporary_files().status == "fail"
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")  # which is what Ray takes, if it is set
    ray_files.check_temporary_folder()
    assert doctor.temporary_files().status == "ok"


def test_the_longest_folder_that_is_taken_has_room_for_the_longest_socket():
    room = ray_files.LONGEST_SOCKET - len(ray_files.SOCKET.format(process=os.getpid()))
    assert len("x" * room + ray_files.SOCKET.format(process=os.getpid())) == 107


def test_nobody_else_can_read_the_token_that_is_provided(monkeypatch, tmp_path):
    for name in (*ray_files.TOKENS, "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    ray_files.provide_token()
    file = tmp_path / ".ray" / "auth_token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text()
    assert len(token) == 64
    ray_files.provide_token()
    assert file.read_text() == token
    assert [path.name for path in file.parent.iterdir()] == ["auth_token"]
    assert doctor.token().status == "ok"
    file.chmod(0o644)
    assert doctor.token().status == "warn"


def test_without_a_home_the_token_stays_in_the_process(monkeypatch, tmp_path):
    for name in (*ray_files.TOKENS, "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    nowhere = tmp_path / "file"
    nowhere.touch()
    monkeypatch.setenv("HOME", str(nowhere))  # no folder can be made below a file
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")  # so that what is set is taken back in the end
    ray_files.provide_token()
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
