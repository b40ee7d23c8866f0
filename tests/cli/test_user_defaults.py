"""Defaults of options from a file: `--config`, `DIPTYCH_CONFIG` and the user's configuration folder."""

import json
import os
from pathlib import Path

import pytest

from .conftest import SMALL, Diptych, call


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's file of defaults, in a configuration folder of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DIPTYCH_CONFIG", raising=False)
    (tmp_path / "home" / "diptych").mkdir(parents=True)
    return tmp_path / "home" / "diptych" / "config.toml"


@pytest.fixture(scope="module")
def shop(tiny_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a collection of the tiny set."""
    place = tmp_path_factory.mktemp("defaults") / "shop"
    assert call("collection", "create", place, "--model", "conse", *SMALL) == 0
    assert call("collection", "add", place, tiny_set) == 0
    return place


def found(diptych: Diptych, *words: object) -> list[str]:
    """Return the ids that a search prints as JSON."""
    return [hit["id"] for hit in json.loads(diptych(*words).out)["hits"]]


def test_options_have_the_users_defaults_and_the_command_line_is_stronger(
    config: Path, shop: Path, diptych: Diptych
) -> None:
    config.write_text("[search]\nk = 2\njson = true\nwhere = \"category = 'disc'\"\n")
    assert len(found(diptych, "search", shop, "--text", "a disc")) == 2
    assert len(found(diptych, "search", shop, "--text", "a disc", "-k", 1)) == 1


def test_verbs_of_a_group_have_defaults_in_a_table_of_their_own(config: Path, shop: Path, diptych: Diptych) -> None:
    config.write_text("[collection.list]\nlimit = 3\n")
    assert len(diptych("collection", "list", shop, "--json").out.splitlines()) == 3


def test_a_repeatable_option_takes_a_list(config: Path, diptych: Diptych, tiny_set: Path, tmp_path: Path) -> None:
    settings = ["image_encoder.side=64", "training.epochs=1"]
    config.write_text(f'[train]\nset = {json.dumps(settings)}\nimage-encoder = "efficientnet-lite0"\n')
    words = ("train", "dual-encoder", "--data", tiny_set, "--text-encoder", "glove", "--out", tmp_path / "run")
    assert diptych(*words).code == 0
    run = json.loads((tmp_path / "run" / "config.json").read_text())
    assert run["encoders"]["image"]["name"] == "efficientnet-lite0"
    assert run["settings"]["training"]["epochs"] == 1


def test_the_file_may_be_named(config: Path, shop: Path, diptych: Diptych, tmp_path: Path) -> None:
    config.write_text("[search]\nk = 3\njson = true\n")
    (tmp_path / "mine.toml").write_text("[search]\nk = 1\njson = true\n")
    assert len(found(diptych, "--config", tmp_path / "mine.toml", "search", shop, "--text", "a disc")) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CONFIG", str(tmp_path / "mine.toml"))
        assert len(found(diptych, "search", shop, "--text", "a disc")) == 1
    assert len(found(diptych, "search", shop, "--text", "a disc")) == 3


def test_how_loud_commands_are_may_be_a_default(config: Path, diptych: Diptych, tiny_set: Path) -> None:
    config.write_text("verbose = true\n")
    assert diptych("data", "stats", tiny_set).err.startswith("diptych ")
    assert diptych("--quiet", "data", "stats", tiny_set).err == ""


def test_a_file_in_the_working_folder_is_not_read(
    config: Path, diptych: Diptych, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("diptych.toml", "config.toml"):
        (tmp_path / name).write_text("verbose = true\n")
    assert diptych("data", "stats", tiny_set).err == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[serach]\nk = 3\n", "diptych, named in {file}, has no entry 'serach'. Did you mean 'search'?"),
        ("[search]\nkk = 3\n", "diptych search, named in {file}, has no entry 'kk'. Did you mean 'k'?"),
        ("[collection.add]\nsink = true\n", "diptych collection add, named in {file}, has no entry 'sink'."),
        ("search = 3\n", "diptych, named in {file}, has no entry 'search'."),
        (
            "[search]\nk = {}\n",
            "{file}: k of diptych search must be a text, a number, true or false, or a list; got {}.",
        ),
        ("[search\n", "{file} must be TOML in UTF-8: "),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    text: str, said: str, config: Path, diptych: Diptych, tiny_set: Path
) -> None:
    config.write_text(text)
    done = diptych("data", "stats", tiny_set)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"Error: {said.replace('{file}', os.fspath(config))}")
    assert len(done.err.splitlines()) == 1


def test_a_value_of_the_wrong_kind_is_refused_as_on_the_command_line(
    config: Path, shop: Path, diptych: Diptych
) -> None:
    config.write_text('[search]\nk = "many"\n')
    done = diptych("search", shop, "--text", "a disc")
    assert done.code == 2
    assert "Invalid value for '-k': Input should be a valid integer" in done.err


def test_a_file_that_is_named_and_is_not_there_is_said(config: Path, diptych: Diptych, tmp_path: Path) -> None:
    done = diptych("--config", tmp_path / "none.toml", "data", "list")
    assert done.code == 2
    assert done.err == (
        f"Error: there is no file of defaults at {tmp_path / 'none.toml'}. Write one, or omit --config and "
        "DIPTYCH_CONFIG.\n"
    )
