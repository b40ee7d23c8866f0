import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from diptych.encoders import hub
from diptych.encoders.registry import open_encoder
from diptych.errors import BadCheckpoint, MissingData

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing answers there."""


@pytest.fixture(autouse=True)
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", NOWHERE)


@pytest.mark.parametrize("library", ["transformers", "sentence-transformers"])
def test_a_network_that_is_nowhere_is_refused_within_seconds(library: str) -> None:
    start = time.monotonic()
    with pytest.raises(MissingData, match=f"nobody/nothing is not a folder, {library} has no download of it"):
        open_encoder(f"{library}:nobody/nothing", modality="text")
    assert time.monotonic() - start < 30


def test_offline_mode_lasts_only_while_a_network_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with hub.opened_by("transformers", "nobody/nothing"):
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE


def test_a_folder_is_opened_without_asking_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "hub_answers", lambda: pytest.fail("asked"))
    for source in (str(tmp_path), f"local-dir:{tmp_path}"):
        with (
            pytest.raises(BadCheckpoint, match=f"{source} cannot be opened by timm: broken"),
            hub.opened_by("timm", source),
        ):
            raise OSError("broken\nand more")


def test_an_error_without_a_message_is_named_by_its_kind(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="opened by timm: RuntimeError"), hub.opened_by("timm", str(tmp_path)):
        raise RuntimeError


def test_where_offline_mode_is_set_the_hub_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "urlopen", lambda *_, **__: pytest.fail("asked"))
    assert not hub.hub_answers()
