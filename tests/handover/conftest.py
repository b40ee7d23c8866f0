"""A tiny run to hand over, and a hub on this machine to hand it to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from diptych.retriever import Retriever

from .hub_stand_in import HubStandIn, hub_on_this_machine

SETTINGS = (
    "image_encoder.side=64",
    *("training.epochs=2", "training.batch=5"),
    *(f"{space}.{name}=16" for space in ("visual", "textual") for name in ("width", "hidden")),
    "visual.reduce=0",
)
SMALL = {"image_encoder": "efficientnet-lite0", "text_encoder": "glove", "settings": SETTINGS}
"""A model that learns in a second."""


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("handover-cache")


@pytest.fixture(autouse=True)
def own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Share one cache among the tests of this folder."""
    monkeypatch.setenv("DIPTYCH_CACHE", str(shared_cache))
    monkeypatch.setenv("DIPTYCH_THREADS", "1")
    return shared_cache


@pytest.fixture(scope="session")
def trained(tiny_set: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """Return a method trained on 16 red squares and blue discs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        return Retriever.train("mcsm", tiny_set, out=tmp_path_factory.mktemp("runs") / "tiny", **SMALL)  # type: ignore[arg-type]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    """Serve an empty hub, to which the hub's library turns in this process."""
    with hub_on_this_machine() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.address)
        template = served.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", "secret")
        yield served
