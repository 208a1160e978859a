"""Check the files in docker/ against schemas that others publish; they are not in this repository.

`python tests/docker/schemas.py compose-spec.json ray.io_rayclusters.yaml ray.io_rayjobs.yaml` with the schema of the
Compose specification (its repository's schema/) and KubeRay's definitions (helm-chart/kuberay-operator/crds/). Fields a
definition does not know are errors here, as they are for `kubectl apply --validate=strict`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

DOCKER = Path(__file__).parents[2] / "docker"


def strict(schema: Any) -> Any:
    """An OpenAPI schema in which objects have the fields that are listed, and quantities may be numbers or strings."""
    if isinstance(schema, list):
        return [strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(entry) for name, entry in schema.items()}
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        found["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    return found


def definition(path: Path) -> tuple[str, Any]:
    """Kind and strict schema of the `v1` of a custom resource definition."""
    content = yaml.safe_load(path.read_text())
    (version,) = [entry for entry in content["spec"]["versions"] if entry["name"] == "v1"]
    schema = version["schema"]["openAPIV3Schema"]
    # A definition leaves metadata to Kubernetes.
    schema["properties"]["metadata"] = {"type": "object"}
    return content["spec"]["names"]["kind"], strict(schema)


def problems(schema: Any, document: Any) -> list[str]:
    """What is wrong, and where."""
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)]


def main(compose: Path, *definitions: Path) -> int:
    """Check everything; the number of problems."""
    found = problems(json.loads(compose.read_text()), yaml.safe_load((DOCKER / "compose.yaml").read_text()))
    print("compose.yaml: checked")
    kinds = dict(map(definition, definitions))
    for file in sorted((DOCKER / "kuberay").glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if document["kind"] in kinds:
                found += problems(kinds[document["kind"]], document)
                print(f"{file.name}: {document['kind']} checked")
    print("\n".join(found) or "no problems")
    return len(found)


if __name__ == "__main__":
    sys.exit(bool(main(*map(Path, sys.argv[1:]))))
