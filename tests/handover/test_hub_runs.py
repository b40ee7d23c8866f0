"""A run goes to a hub on this machine and comes back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard, constants

from diptych.collection import Collection
from diptych.errors import BadCheckpoint, BadSetting, MissingData
from diptych.handover.contents import FILES
from diptych.retriever import Retriever

from .hub_stand_in import HubStandIn

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["a red square", "a blue disc"]

pytestmark = pytest.mark.filterwarnings("ignore:Use .content=:DeprecationWarning")  # the hub's library warns of itself


def filled(hub: HubStandIn, trained: Retriever, place: Path) -> dict[str, bytes]:
    """Put the run on the hub without uploading it, and return its files there."""
    given = trained.save_pretrained(place / "given", split=None)
    hub.repositories["ann/tiny"] = {file.name: file.read_bytes() for file in given.iterdir()}
    return hub.repositories["ann/tiny"]


def test_a_run_is_pushed_and_opened_elsewhere(trained: Retriever, hub: HubStandIn, tiny_set: Path) -> None:
    assert trained.push_to_hub("ann/tiny", licence="mit", token="mine") == f"{hub.address}/ann/tiny"
    assert hub.repositories["ann/tiny"].keys() <= {*FILES}
    assert hub.private == set()
    assert "mine" in hub.tokens
    card = ModelCard(hub.repositories["ann/tiny"]["README.md"].decode())
    assert card.data.model_name == "tiny"
    assert 'Retriever.from_pretrained("ann/tiny")' in card.text
    received = Retriever.from_pretrained("ann/tiny")
    vectors, others = trained.encode_text(TEXTS), received.encode_text(TEXTS)
    assert all(np.array_equal(vectors[space], others[space]) for space in vectors)
    assert received.search(tiny_set, text="a red square", k=2).hits


def test_a_private_repository_is_created_if_asked_for(trained: Retriever, hub: HubStandIn) -> None:
    trained.push_to_hub("ann/secret", private=True, split=None)
    assert hub.private == {"ann/secret"}
    assert "secret" in hub.tokens


def test_a_name_on_the_hub_stands_where_a_run_does(
    trained: Retriever, hub: HubStandIn, tiny_set: Path, tmp_path: Path
) -> None:
    filled(hub, trained, tmp_path)
    assert Retriever.load("hub:ann/tiny").encode_text(TEXTS).keys() == {"visual", "textual"}
    with Collection.create(tmp_path / "shop", "hub:ann/tiny") as shop:
        shop.add(tiny_set)
    with Collection.open(tmp_path / "shop", model="hub:ann/tiny") as shop:
        assert shop.search("a red square", k=1).hits


def test_an_earlier_download_serves_while_the_hub_is_away(
    trained: Retriever, hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(hub, trained, tmp_path)
    Retriever.from_pretrained("ann/tiny")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert Retriever.from_pretrained("ann/tiny").encode_text(TEXTS)
    with pytest.raises(MissingData, match=r"the model hub cannot be reached at .*, and there is no earlier download"):
        Retriever.from_pretrained("ann/other")


def test_a_run_that_is_not_there_is_one_sentence(hub: HubStandIn) -> None:
    with pytest.raises(MissingData, match=r"ann/nothing cannot be downloaded from the model hub: .*HF_TOKEN"):
        Retriever.from_pretrained("ann/nothing")


def test_files_of_other_names_are_not_taken(trained: Retriever, hub: HubStandIn, tmp_path: Path) -> None:
    filled(hub, trained, tmp_path) | {}
    hub.repositories["ann/tiny"] |= {
        "../../climbed.json": b"{}",
        "modeling.py": b"raise SystemExit",
        "a/config.json": b"{}",
    }
    received = Retriever.from_pretrained("ann/tiny")
    assert {file.name for file in received.folder.path.iterdir()} <= {*FILES}
    assert not list(tmp_path.rglob("climbed.json"))
    assert not list(tmp_path.rglob("modeling.py"))


def test_an_oversized_config_is_not_even_downloaded(trained: Retriever, hub: HubStandIn, tmp_path: Path) -> None:
    filled(hub, trained, tmp_path)
    hub.said_sizes["config.json"] = 2**40
    with pytest.raises(BadCheckpoint, match=r"ann/tiny: config.json must have at most .* bytes; it has 1,099"):
        Retriever.from_pretrained("ann/tiny")
    assert not list((tmp_path / "hub-cache").rglob("config.json"))


def test_a_config_larger_than_the_hub_says_is_refused_too(trained: Retriever, hub: HubStandIn, tmp_path: Path) -> None:
    files = filled(hub, trained, tmp_path)
    files["config.json"] += b" " * 2**20
    hub.said_sizes["config.json"] = 100
    with pytest.raises((BadCheckpoint, MissingData), match=r"config.json"):
        Retriever.from_pretrained("ann/tiny")


@pytest.mark.parametrize("name", ["tiny", "ann/tiny/more", "../tiny", "ann/.."])
def test_what_is_no_name_on_the_hub_is_refused_at_once(name: str, trained: Retriever) -> None:
    with pytest.raises(BadSetting, match=r"a run on the model hub is named OWNER/NAME; got"):
        trained.push_to_hub(name)
    with pytest.raises(BadSetting, match=r"a run on the model hub is named OWNER/NAME; got"):
        Retriever.load(f"hub:{name}")


def test_push_and_search_of_the_command_line_use_the_hub_of_the_environment(
    trained: Retriever, hub: HubStandIn, tiny_set: Path, tmp_path: Path
) -> None:
    surroundings = {
        **os.environ, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": "from-environment", "HF_HUB_DISABLE_XET": "1", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip

    def diptych(*arguments: object) -> str:
        words = [sys.executable, "-m", "diptych", *map(str, arguments)]
        done = subprocess.run(words, capture_output=True, text=True, env=surroundings, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"The run is at {hub.address}/ann/tiny." in diptych("push", trained.folder.path, "ann/tiny")
    assert "from-environment" in hub.tokens
    said = diptych("push", trained.folder.path, "ann/tiny", "--split", "", "--json")
    assert '"repository": "ann/tiny"' in said
    found = diptych("search", "hub:ann/tiny", "--data", tiny_set, "--text", "a disc", "-k", 2, "--format", "paths")
    assert len(found.split()) == 2
    diptych("evaluate", "hub:ann/tiny", "--data", tiny_set)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
