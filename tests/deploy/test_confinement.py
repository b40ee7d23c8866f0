"""What every pod may not do: write outside its volumes, gain rights, take more than its share, talk to strangers."""

import re
from typing import Any

import pytest

from tests.deploy.workloads import Manifest, containers, containers_of, manifests, name_of, workloads

WATCHED_BY_ITSELF = {"Job diptych-train"}
"""Workloads without probes: torchrun watches its processes, and torch what waits too long."""
ENDING = {"Job", "CronJob"}
"""Kinds whose pods nobody waits for to be ready."""
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
POLICIES = [each["spec"] for each in manifests() if each["kind"] == "NetworkPolicy"]
RAY = ("ray-head", "ray-worker", "encoding")
SECURED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}

every_container = pytest.mark.parametrize("container", [pytest.param(one, id=owner) for owner, one in containers()])
every_pod = pytest.mark.parametrize("pod", [pytest.param(pod, id=name_of(owner)) for owner, pod in workloads()])


def test_all_workloads_are_walked() -> None:
    assert {name_of(owner) for owner, _ in workloads()} == {
        *("Deployment diptych", "Deployment diptych-ray-head", "Deployment diptych-ray-workers"),
        *("Job diptych-encode", "Job diptych-train"),
    }


@every_container
def test_a_container_has_a_root_that_it_only_reads_and_no_privileges(container: Manifest) -> None:
    assert container["securityContext"] == SECURED


@every_pod
def test_a_pod_runs_as_a_user_without_rights_on_the_machine_or_the_cluster(pod: Manifest) -> None:
    spec = pod["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["automountServiceAccountToken"] is False
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"}
    assert not [volume for volume in spec["volumes"] if "hostPath" in volume]
    assert not [port for one in containers_of(pod) for port in one.get("ports", []) if "hostPort" in port]


@every_container
def test_a_container_asks_for_its_share_and_gets_no_more(container: Manifest) -> None:
    asked, most = container["resources"]["requests"], container["resources"]["limits"]
    assert {"cpu", "memory"} <= asked.keys()
    assert asked.keys() == most.keys()
    assert all(amount(asked[name]) <= amount(most[name]) for name in asked)


def amount(quantity: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(|m|[KMGT]i)", quantity).groups()  # type: ignore[union-attr]
    return float(number) * {"": 1, "m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}[unit]


@every_pod
def test_what_programs_write_beside_their_data_is_a_bounded_volume_that_ends_with_the_pod(pod: Manifest) -> None:
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert all(volume["emptyDir"]["sizeLimit"] for volume in volumes.values() if "emptyDir" in volume)
    for container in containers_of(pod):
        for folder in ("/tmp", "/home/diptych"):
            assert "emptyDir" in volumes[mount_of(container, folder)["name"]]
        cache = variables(container).get("DIPTYCH_CACHE", "/data/cache")
        assert writable(container, cache)


def variables(container: Manifest) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}


def mount_of(container: Manifest, path: str) -> dict[str, Any]:
    """Return the mount that holds a path: the deepest one; of the root, which nothing is mounted on, an empty one."""
    over = [m for m in container["volumeMounts"] if f"{path}/".startswith(f"{m['mountPath'].rstrip('/')}/")]
    return max(over, key=lambda mount: len(mount["mountPath"]), default={})


def writable(container: Manifest, path: str) -> bool:
    mount = mount_of(container, path)
    return bool(mount) and not mount.get("readOnly", False)


def test_the_service_only_reads_runs_data_and_keys_and_writes_what_is_uploaded() -> None:
    [service] = [one for owner, one in containers() if owner == "Deployment diptych"]
    options = dict(word.removeprefix("--").split("=", 1) for word in service["args"] if "=" in word)
    assert writable(service, options["uploads"])
    for path in ("/data/runs/mine", options["pictures-from"], options["keys"], "/data", "/opt/diptych", "/"):
        assert not writable(service, path), path
    uploads = mount_of(service, options["uploads"])
    assert (uploads["name"], uploads["mountPath"]) == ("data", f"/data/{uploads['subPath']}"), "one path in every pod"


@every_pod
def test_secrets_are_only_read_and_by_the_group_of_the_process(pod: Manifest) -> None:
    secret = {volume["name"]: volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume}
    assert all(each["defaultMode"] == 0o440 for each in secret.values())
    mounts = [mount for one in containers_of(pod) for mount in one["volumeMounts"] if mount["name"] in secret]
    assert all(mount["readOnly"] for mount in mounts)


@pytest.mark.parametrize(("owner", "pod"), [pytest.param(owner, pod, id=name_of(owner)) for owner, pod in workloads()])
def test_a_container_is_asked_whether_it_has_started_is_ready_and_lives(owner: Manifest, pod: Manifest) -> None:
    for container in containers_of(pod):
        probes = {name: probe for name, probe in container.items() if name.endswith("Probe")}
        if name_of(owner) in WATCHED_BY_ITSELF:
            assert not probes
            continue
        wanted = {"startupProbe", "livenessProbe"} | ({"readinessProbe"} if owner["kind"] not in ENDING else set())
        assert probes.keys() == wanted
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe in probes.values():
            [asked] = [probe[kind]["port"] for kind in ("httpGet", "grpc") if kind in probe]
            assert asked in {*ports, *ports.values()}
        assert patience(probes["startupProbe"]) >= 300, "a model may come from a cold volume"
        assert patience(probes["livenessProbe"]) >= 60, "a busy process is not ended"


def patience(probe: Manifest) -> int:
    """Return the seconds after which a probe that always fails has its effect."""
    seconds: int = probe["periodSeconds"] * probe.get("failureThreshold", 3)
    return seconds


@pytest.mark.parametrize("component", RAY)
def test_the_ports_of_ray_that_are_asked_are_those_that_it_is_told(component: str) -> None:
    [container] = [one for _, pod in workloads() if labels(pod)[COMPONENT] == component for one in containers_of(pod)]
    words = " ".join([*container["command"], *container.get("args", [])])
    told = {int(port) for port in re.findall(r"--(?:node-manager-)?port=(\d+)", words)}
    assert {port["containerPort"] for port in container["ports"]} == told
    assert variables(container)["RAY_AUTH_MODE"] == "token"
    token = variables(container)["RAY_AUTH_TOKEN_PATH"]
    assert mount_of(container, token)["name"] == "token"


def labels(pod: Manifest) -> dict[str, str]:
    found: dict[str, str] = pod["metadata"]["labels"]
    return found


def selected(selector: Manifest, carried: dict[str, str]) -> bool:
    """Return whether a selector of labels holds, as Kubernetes defines it; the empty one holds for all."""
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions)
    return selector.get("matchLabels", {}).items() <= carried.items() and all(
        carried.get(each["key"]) in each["values"] for each in expressions
    )


def admitted(sender: dict[str, str], receiver: dict[str, str], port: int | str, *, namespace: bool = True) -> bool:
    """Return whether the policies let a pod, in this namespace or in another, reach a port of a pod."""
    policies = [
        each for each in POLICIES if "Ingress" in each["policyTypes"] and selected(each["podSelector"], receiver)
    ]
    return not policies or any(
        _admits(rule, sender, port, namespace) for each in policies for rule in each.get("ingress", [])
    )


def _admits(rule: Manifest, sender: dict[str, str], port: int | str, namespace: bool) -> bool:
    peers, ports = rule.get("from"), rule.get("ports")
    assert all(peer.keys() == {"podSelector"} for peer in peers or [])
    from_there = not peers or any(namespace and selected(peer["podSelector"], sender) for peer in peers)
    return from_there and (not ports or any(each["port"] == port for each in ports))


STRANGERS = [{}, {NAME: "other"}, {NAME: "other", COMPONENT: "ray-worker"}, {NAME: "diptych"}]


@every_pod
@pytest.mark.parametrize("port", [22, 6379, 6380, 10001, 29400, 45678])
def test_strangers_reach_no_port_of_a_pod_but_that_of_the_service(pod: Manifest, port: int) -> None:
    for stranger in (*STRANGERS, {NAME: "diptych", COMPONENT: "service"}):
        assert not admitted(stranger, labels(pod), port)
    assert not admitted(labels(pod), labels(pod), port, namespace=False), "a pod with these labels in another namespace"


def test_pods_reach_those_that_they_work_with() -> None:
    own = {labels(pod)[COMPONENT]: labels(pod) for _, pod in workloads()}
    assert own.keys() == {"service", "training", *RAY}
    reach = {(one, other) for one in own for other in own if admitted(own[one], own[other], 45678)}
    assert reach == {("training", "training"), *((one, other) for one in RAY for other in RAY)}
    assert all(admitted(stranger, own["service"], "http", namespace=False) for stranger in STRANGERS)
