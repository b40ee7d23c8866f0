"""The manifests under `deploy/kubernetes`, and the workloads in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FOLDER = DEPLOY / "kubernetes"

Manifest = dict[str, Any]


def manifests() -> list[Manifest]:
    return [
        manifest
        for path in sorted(FOLDER.glob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def workloads() -> list[tuple[Manifest, Manifest]]:
    """Return whatever runs pods, of any kind, with their template."""
    return [(manifest, pod) for manifest in manifests() for pod in _templates(manifest)]


def _templates(part: Any) -> Iterator[Manifest]:
    """Yield what has a `spec` with containers, at any depth."""
    if isinstance(part, dict):
        if isinstance(spec := part.get("spec"), dict) and "containers" in spec:
            yield part
        for each in part.values():
            yield from _templates(each)
    elif isinstance(part, list):
        for each in part:
            yield from _templates(each)


def containers_of(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod, those that prepare it and those that debug it included."""
    return [one for name, some in pod["spec"].items() if name.lower().endswith("containers") for one in some]


def containers() -> list[tuple[str, Manifest]]:
    return [(name_of(manifest), one) for manifest, pod in workloads() for one in containers_of(pod)]
