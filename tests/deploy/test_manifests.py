"""The manifests for Kubernetes: valid by its own schemas, whole in themselves, and saying commands that exist.

They are not applied to a cluster here.
"""

import shlex
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import typer
from torch.distributed.run import get_args_parser

import diptych
from diptych.cli import app
from tests.deploy.workloads import FOLDER, Manifest, containers, containers_of, manifests, name_of, workloads

VERSION = "1.33"


def commands() -> Iterator[list[str]]:
    """Yield every command that a container runs, line by line where a shell reads it."""
    for _, container in containers():
        words, arguments = container.get("command", ["diptych"]), container.get("args", [])
        if words[0] == "sh":
            yield from (shlex.split(line) for line in arguments[0].splitlines())
        else:
            yield [*words, *arguments]


@pytest.mark.parametrize("manifest", manifests(), ids=name_of)
def test_a_manifest_is_valid_by_the_schema_of_kubernetes(manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_the_schema_refuses_what_it_does_not_know() -> None:
    manifest = next(each for each in manifests() if each["kind"] == "Deployment")
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate({**manifest, "spec": {**manifest["spec"], "replica": 2}}, VERSION, strict=True)


@pytest.mark.parametrize("manifest", manifests(), ids=name_of)
def test_what_selects_pods_selects_some(manifest: Manifest) -> None:
    selector = manifest["spec"].get("selector") or manifest["spec"].get("podSelector")
    if not selector:
        return
    wanted = selector.get("matchLabels", selector).items()
    own = [pod for owner, pod in workloads() if owner == manifest] or [pod for _, pod in workloads()]
    assert any(wanted <= pod["metadata"]["labels"].items() for pod in own)


def test_ports_claims_and_targets_that_are_named_are_there() -> None:
    there = {name_of(manifest) for manifest in manifests()}
    ports = {port["name"] for _, container in containers() for port in container.get("ports", [])}
    for manifest in manifests():
        spec = manifest["spec"]
        if manifest["kind"] == "Service":
            assert {port.get("targetPort", port["name"]) for port in spec["ports"]} <= ports
        if manifest["kind"] == "Ingress":
            backends = [path["backend"]["service"] for rule in spec["rules"] for path in rule["http"]["paths"]]
            assert {f"Service {backend['name']}" for backend in backends} <= there
        if manifest["kind"] == "HorizontalPodAutoscaler":
            assert f"{spec['scaleTargetRef']['kind']} {spec['scaleTargetRef']['name']}" in there
    for _, pod in workloads():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in containers_of(pod):
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
        claims = [v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v]
        assert {f"PersistentVolumeClaim {claim}" for claim in claims} <= there


def test_a_secret_that_is_named_has_the_command_that_makes_it() -> None:
    secrets = {
        volume["secret"]["secretName"]
        for _, pod in workloads()
        for volume in pod["spec"]["volumes"]
        if "secret" in volume
    }
    assert secrets == {"diptych-keys", "diptych-ray"}
    told = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml"))
    assert all(f"kubectl create secret generic {secret} --from-" in told for secret in secrets)


def test_the_image_is_that_of_this_release() -> None:
    assert {container["image"] for _, container in containers()} == {f"diptych:{diptych.__version__}"}


def test_the_commands_of_diptych_are_understood() -> None:
    found = [words for words in commands() if words[0] == "diptych"]
    found += [words[words.index("-m") + 1 :] for words in commands() if words[0] == "torchrun"]
    assert {words[1] for words in found} == {"serve", "train", "encode"}
    for words in found:
        understood(words[1:])


def test_a_command_that_diptych_does_not_know_would_be_noticed() -> None:
    with pytest.raises(Exception, match="--replicas"):
        understood(["serve", "shop", "--replicas", "2"])


def understood(words: list[str]) -> None:
    """Parse a command without running it."""
    command: Any = typer.main.get_command(app)
    with command.make_context("diptych", words[:1], resilient_parsing=True) as context:
        _, verb, _ = command.resolve_command(context, words)
        verb.make_context(words[0], words[1:], parent=context)


def test_the_launcher_of_torch_understands_its_options() -> None:
    [words] = [words for words in commands() if words[0] == "torchrun"]
    asked = get_args_parser().parse_args(words[1:])
    job = next(manifest for manifest in manifests() if name_of(manifest) == "Job diptych-train")["spec"]
    assert (asked.module, asked.training_script) == (True, "diptych")
    assert int(asked.nnodes) == job["completions"] == job["parallelism"]
    host, port = asked.rdzv_endpoint.split(":")
    service = next(manifest for manifest in manifests() if name_of(manifest) == "Service diptych-train")
    assert host == f"diptych-train-0.{job['template']['spec']['subdomain']}"
    assert int(port) == service["spec"]["ports"][0]["port"]


def test_ray_understands_its_options() -> None:
    scripts = pytest.importorskip("ray.scripts.scripts", reason="ray is not installed: pip install 'diptych[ray]'")
    found = [words for words in commands() if words[0] == "ray"]
    assert len(found) == 3
    for words in found:
        scripts.start.make_context("start", [word.replace("$(CPUS)", "8") for word in words[2:]])
