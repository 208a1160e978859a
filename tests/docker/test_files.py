"""The files in docker/ agree with each other, with the command line and with Ray's own; nothing is open or root."""

import json
import re
import tomllib
from pathlib import Path

import typer
import yaml
from jsonschema import Draft7Validator
from packaging.requirements import Requirement

from rllib_stackelberg.cli import app
from rllib_stackelberg.runs.options import TrainOptions

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
RAY_VERSION = re.search(r"^ARG RAY_VERSION=(.+)$", DOCKERFILE, re.M).group(1)
YAMLS = sorted(DOCKER.rglob("*.yaml"))


def documents(path):
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def clusters():
    """The cluster specification of every file for Kubernetes."""
    found = {}
    for path in sorted((DOCKER / "kuberay").glob("*.yaml")):
        for document in documents(path):
            if document["kind"] == "RayCluster":
                found[path.name] = document["spec"]
            elif document["kind"] == "RayJob":
                found[path.name] = document["spec"]["rayClusterSpec"]
    return found


def test_the_ray_version_is_chosen_once_and_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (ray,) = [Requirement(line) for line in project["dependencies"] if line.startswith("ray[")]
    assert RAY_VERSION in ray.specifier
    assert {spec["rayVersion"] for spec in clusters().values()} == {RAY_VERSION}
    elsewhere = [path.name for path in [*YAMLS, DOCKER / "Dockerfile"] if "kuberay" not in path.parts]
    texts = {name: (DOCKER / name).read_text(encoding="utf-8") for name in elsewhere}
    assert sum(text.count(RAY_VERSION) for text in texts.values()) == 1


def test_a_ray_job_runs_on_the_same_cluster_as_one_that_stays():
    first, second = clusters().values()
    assert first == second


def test_pods_are_not_root_and_need_a_token():
    for spec in clusters().values():
        assert spec["authOptions"] == {"mode": "token"}
        for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
            pod = group["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"]
            assert pod["securityContext"]["runAsUser"] > 0
            for container in pod["containers"]:
                assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_compose_publishes_on_loopback_only_and_needs_a_token():
    services = documents(DOCKER / "compose.yaml")[0]["services"]
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert service["security_opt"] == ["no-new-privileges:true"]
    for name in ("head", "worker"):
        assert services[name]["environment"]["RAY_AUTH_MODE"] == "token"
        assert services[name]["environment"]["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?")


def test_the_image_ends_as_a_user_and_takes_no_secrets():
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.M)[-1] not in ("root", "0")
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name.split(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    folders = set(project["tool"]["setuptools"]["package-dir"].values())
    assert set(allowed) == packages | folders | {"LICENSE", "README.md", "pyproject.toml"}


def test_the_cluster_launchers_file_passes_rays_own_schema():
    import ray

    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    (content,) = documents(DOCKER / "ray-cluster.yaml")
    assert not list(Draft7Validator(schema).iter_errors(content))
    assert list(Draft7Validator(schema).iter_errors(content | {"head_start_ray_command": []}))


def commands(name):
    """Commands of that program in the files, comments included, joined over their line breaks."""
    found = []
    for path in YAMLS:
        text = re.sub(r"\\?\n\s*#?\s+(?=--)", " ", path.read_text(encoding="utf-8"))
        found += [(path.name, match.split()) for match in re.findall(rf"{name} ([^'\"\n]*)", text)]
    return found


def test_every_training_command_is_one():
    found = commands("rllib-stackelberg train")
    assert {"compose.yaml", "ray-cluster.yaml", "raycluster.yaml", "rayjob.yaml"} == {name for name, _ in found}
    train = typer.main.get_command(app).commands["train"]
    for _, arguments in found:
        context = train.make_context("train", list(arguments))
        params = dict(pair.split("=") for pair in context.params["params"] or [])
        TrainOptions.checked(
            game=context.params["game"], params=params, num_env_runners=context.params["num_env_runners"],
            ray_address=context.params["ray_address"],
        )  # fmt: skip
        assert context.params["ray_address"] == "auto"


def test_every_start_of_ray_is_one():
    from ray.scripts.scripts import cli

    found = [
        (name, [re.sub(r"\$\{\w+:-(.*?)\}", r"\1", word) for word in words]) for name, words in commands("ray start")
    ]
    assert {"compose.yaml", "ray-cluster.yaml"} == {name for name, _ in found}
    for _, arguments in found:
        context = cli.commands["start"].make_context("start", arguments)
        assert context.params["head"] != bool(context.params["address"])
