"""A run is handed over in a folder, with its model card, and opens as it was."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from diptych.cli import main
from diptych.collection import Collection
from diptych.errors import BadCheckpoint, BadSetting, MissingData
from diptych.files import file_digest
from diptych.handover.credits import NOTICED, credit, notice
from diptych.handover.model_card import training_command
from diptych.retriever import Retriever

from .conftest import SETTINGS, SMALL

TEXTS = ["a red square", "a blue disc"]


def command(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code, line


def same(one: Retriever, other: Retriever, picture: Path) -> bool:
    pairs = [
        (one.encode_text(TEXTS), other.encode_text(TEXTS)),
        (one.encode_image([picture]), other.encode_image([picture])),
    ]
    return all(np.array_equal(a[space], b[space]) for a, b in pairs for space in a)


@pytest.fixture(scope="session")
def given(trained: Retriever, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny run as others receive it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        return trained.save_pretrained(tmp_path_factory.mktemp("given") / "tiny-run", licence="cc0-1.0")


def test_a_run_opens_as_it_was(trained: Retriever, given: Path, tiny_set: Path) -> None:
    received = Retriever.from_pretrained(given)
    assert same(trained, received, tiny_set / "0.png")
    assert received.rule().__class__ is trained.rule().__class__
    assert received.result == trained.result
    assert received.embedding_model.digest == trained.embedding_model.digest


def test_it_holds_no_path_of_the_machine(trained: Retriever, given: Path, tiny_set: Path) -> None:
    assert str(tiny_set) in (trained.folder.path / "config.json").read_text()
    assert {file.name for file in given.iterdir()} == {
        "README.md", "config.json", "evaluation.json", "metrics.jsonl", "model.safetensors", "result.json",
        "training.png",
    }  # fmt: skip
    for file in given.iterdir():
        for place in (tiny_set.parent, trained.folder.path.parent, Path.home()):
            assert str(place).encode() not in file.read_bytes(), file.name


def test_without_its_data_at_hand_they_can_be_named(given: Path, tiny_set: Path) -> None:
    received = Retriever.from_pretrained(given)
    with pytest.raises(MissingData, match=r"the data of this run were at 'tiny' and are not found there now"):
        received.search(text="a red square")
    assert received.search(tiny_set, text="a red square", k=3).hits
    assert received.evaluate(tiny_set).as_dict()["notes"] == []


def test_wherever_a_run_is_taken_such_a_folder_is(given: Path, tiny_set: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "shop", given) as shop:
        shop.add(tiny_set)
        assert shop.search("a red square", k=2).hits
    run = Retriever.train("cca", tiny_set, out=tmp_path / "cca", **{**SMALL, "settings": SETTINGS[:1]})  # type: ignore[arg-type]
    again = Retriever.load(run.save_pretrained(tmp_path / "given", split=None))
    assert same(run, again, tiny_set / "0.png")


def test_the_card_is_in_the_format_of_the_hub_and_holds_the_figures(trained: Retriever, given: Path) -> None:
    card = ModelCard.load(given / "README.md")
    assert card.data.library_name == "diptych"
    assert card.data.license == "cc0-1.0"
    assert "mcsm" in (card.data.tags or [])
    figures = trained.evaluate().as_dict()
    told = {each.metric_name: each.metric_value for each in card.data.eval_results or []}
    assert told["average MAP"] == figures["average_map"]
    assert told["text to image r@1"] == figures["text_to_image"]["r@1"]
    assert f"| average MAP | {figures['average_map']:.4f} |" in card.text
    assert "16 train, 4 val, 4 test" in card.text
    assert json.loads((given / "evaluation.json").read_text()) == figures


def test_the_commands_of_the_card_make_the_same_weights_and_figures(
    trained: Retriever, given: Path, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_set, tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    lines = [line for line in (given / "README.md").read_text().splitlines() if line.startswith("diptych ")]
    assert [line.split()[1] for line in lines] == ["train", "evaluate"]
    for line in lines:
        command(line, monkeypatch)
    assert file_digest(Path("RUN/model.safetensors")) == file_digest(trained.folder.model_file)
    measured = json.loads(next(Path("RUN").rglob("evaluation.json")).read_text())
    assert measured["average_map"] == json.loads((given / "evaluation.json").read_text())["average_map"]


def test_the_python_of_the_card_runs_and_has_five_lines(
    given: Path, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_set, tmp_path / "my-pictures")
    shutil.copytree(given, tmp_path / "path" / "to" / given.name)
    shutil.copy(tiny_set / "0.png", tmp_path / "cat.jpg")
    monkeypatch.chdir(tmp_path)
    block = (given / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    assert len([line for line in block.splitlines() if line]) == 5
    scope: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), scope)
    assert len(scope["results"].hits) == 5  # type: ignore[attr-defined]


def test_the_card_credits_what_the_run_stands_on_as_notice_does(given: Path) -> None:
    text = (given / "README.md").read_text()
    assert "Open Data Commons Public Domain Dedication and License 1.0" in text
    assert "Trained by Google on ImageNet" in text
    assert "The run itself is given under `cc0-1.0`." in text
    for name, start in NOTICED.items():
        assert credit(name).startswith(start), name
    assert "MiniLM by Microsoft" in notice()
    assert credit("vgg19:vgg19.pth").endswith("Licence: that of the weight file")
    assert credit("museum") == "terms unknown to diptych"


def test_data_that_are_gone_leave_a_card_without_figures(trained: Retriever, tiny_set: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_set, tmp_path / "moved")
    run = Retriever.train("cca", moved, out=tmp_path / "cca", **{**SMALL, "settings": SETTINGS[:1]})  # type: ignore[arg-type]
    shutil.rmtree(moved)
    given = run.save_pretrained(tmp_path / "given")
    card = ModelCard.load(given / "README.md")
    assert "Not measured when this card was written." in card.text
    assert "| pairs | not counted |" in card.text
    assert not card.data.eval_results
    assert not (given / "evaluation.json").exists()


def test_what_was_handed_over_before_is_replaced_whole(trained: Retriever, tmp_path: Path) -> None:
    given = trained.save_pretrained(tmp_path / "given")
    (given / "posteriors.safetensors").write_bytes(b"of an older run")
    trained.save_pretrained(given, split=None)
    assert not (given / "posteriors.safetensors").exists()
    assert not (given / "evaluation.json").exists()
    assert Retriever.from_pretrained(given).encode_text(TEXTS)


def test_a_folder_with_other_things_in_it_is_refused(trained: Retriever, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"holds other things than a run that was handed over. Name an empty folder"):
        trained.save_pretrained(trained.folder.path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadSetting, match=r"file is a file. Name a folder"):
        trained.save_pretrained(tmp_path / "file")
    assert trained.save_pretrained(tmp_path / "file-less", split=None).is_dir()


def test_tuned_networks_go_with_their_run_and_with_those_they_were_lent_to(tiny_set: Path, tmp_path: Path) -> None:
    small = {**SMALL, "text_encoder": "minilm"}
    lender = Retriever.train(
        "mcsm",
        tiny_set,
        out=tmp_path / "lender",
        **{**small, "settings": (*SETTINGS, "tune.image=1")},  # type: ignore[arg-type]
    )
    received = Retriever.from_pretrained(lender.save_pretrained(tmp_path / "given", split=None))
    assert same(lender, received, tiny_set / "0.png")
    borrowed = {"image_encoder": f"run:{tmp_path / 'lender'}", "text_encoder": "glove"}
    run = Retriever.train("cca", tiny_set, out=tmp_path / "borrower", **borrowed)  # type: ignore[arg-type]
    given = run.save_pretrained(tmp_path / "lent", split=None)
    assert '"run:lender"' in (given / "config.json").read_text()
    assert (given / "image_encoder.safetensors").is_file()
    before = run.encode_image([tiny_set / "0.png"])["common"]
    lender.folder.encoder_files["image"].write_bytes(b"changed")
    with pytest.raises(BadCheckpoint, match=r"is not the network that this run was trained on. Restore it"):
        run.save_pretrained(tmp_path / "other", split=None)
    shutil.rmtree(tmp_path / "lender")
    assert np.array_equal(Retriever.from_pretrained(given).encode_image([tiny_set / "0.png"])["common"], before)
    with pytest.raises(MissingData, match=r"reads with the image network of another run, and .* is not there any more"):
        run.save_pretrained(tmp_path / "other", split=None)


def test_a_preset_that_is_not_there_any_more_leaves_out_its_changes(trained: Retriever) -> None:
    from dataclasses import replace

    assert "--set visual.width=16" in training_command(trained.config)
    assert "visual.width" not in training_command(replace(trained.config, preset="of-old"))


def test_export_writes_a_folder_that_the_command_line_opens(
    trained: Retriever, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given = tmp_path / "given"
    command(f"diptych export {trained.folder.path} --pretrained {given} --licence mit", monkeypatch)
    assert f"The run for others is in {given}. Read its model card" in capsys.readouterr().out
    command(f"diptych export {trained.folder.path} --pretrained {given} --split '' --json", monkeypatch)
    assert json.loads(capsys.readouterr().out) == {"run": str(trained.folder.path), "pretrained": str(given)}
    command(f"diptych search {given} --data {tiny_set} --text 'a red square' -k 2 --format paths", monkeypatch)
    assert len(capsys.readouterr().out.split()) == 2
    command(f"diptych collection create {tmp_path / 'shop'} --model {given}", monkeypatch)


def test_export_asks_what_to_write(
    trained: Retriever, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["diptych", "export", str(trained.folder.path)])
    with pytest.raises(SystemExit):
        main()
    assert "say what to write" in capsys.readouterr().err
