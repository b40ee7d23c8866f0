"""A run that somebody made to do harm is refused, and nothing of it is executed."""

import json
import pickle
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from diptych.errors import BadCheckpoint, BadSetting, DiptychError, MissingData, UnknownName
from diptych.handover.contents import RECORDS
from diptych.retriever import Retriever


@pytest.fixture
def given(trained: Retriever, tmp_path: Path) -> Path:
    """Return a run as it was received, to be spoilt."""
    return trained.save_pretrained(tmp_path / "given", split=None)


def rewrite(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["model.safetensors", "image_encoder.safetensors", "text_encoder.safetensors"])
@pytest.mark.parametrize("write", [lambda it, file: file.write_bytes(pickle.dumps(it)), torch.save])
def test_a_pickle_in_place_of_weights_is_never_opened(
    name: str, write: Callable[[Any, Path], object], given: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "executed"
    write(Payload(mark), given / name)
    with pytest.raises(BadCheckpoint, match=f"{name} cannot be read as weights"):
        Retriever.from_pretrained(given).encode_text(["a"]), Retriever.from_pretrained(given).encoders.both()
    assert not mark.exists()
    pickle.loads((given / name).read_bytes()) if write is not torch.save else None
    assert mark.exists() == (write is not torch.save), "the pickle itself works"


def test_pickles_beside_the_weights_are_left_alone(given: Path, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    for name in ("pytorch_model.bin", "model.pkl", "checkpoint.safetensors"):
        (given / name).write_bytes(pickle.dumps(Payload(mark)))
    (given / "modeling.py").write_text(f"open({str(mark)!r}, 'w')")
    assert Retriever.from_pretrained(given).encode_text(["a red square"])
    assert not mark.exists()


@pytest.mark.parametrize("name", ["onnx:../../net.onnx", "vgg19:/etc/passwd", "word2vec:~/vectors.bin"])
def test_an_encoder_on_a_path_that_climbs_out_is_refused(name: str, given: Path) -> None:
    rewrite(given / "config.json", lambda config: config["encoders"]["image"].update(name=name))
    with pytest.raises(BadCheckpoint, match=r"names a file of the machine that it was trained on: the image encoder"):
        Retriever.from_pretrained(given)


def test_whoever_receives_a_run_names_the_encoder_in_place_of_a_file_of_its_maker(given: Path) -> None:
    before = Retriever.from_pretrained(given).encode_image([Image.new("RGB", (64, 64))])
    rewrite(given / "config.json", lambda config: config["encoders"]["image"].update(name="onnx:/home/ann/net.onnx"))
    run = Retriever.from_pretrained(given, image_encoder="efficientnet-lite0")
    assert (run.encode_image([Image.new("RGB", (64, 64))])["visual"] == before["visual"]).all()
    with pytest.raises(BadCheckpoint, match="was trained with other encoders"):
        Retriever.from_pretrained(given, image_encoder="efficientnet-lite2").encoders["image"]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_link_that_leads_out_is_refused(name: str, given: Path, tmp_path: Path) -> None:
    shutil.move(given / name, tmp_path / name)
    (given / name).symlink_to(tmp_path / name)
    with pytest.raises(BadCheckpoint, match=f"{name} is a link that leads out of its folder. Do not open this run"):
        Retriever.from_pretrained(given)
    (given / name).unlink()
    shutil.move(tmp_path / name, given / "inside")
    (given / name).symlink_to(given / "inside")
    assert Retriever.from_pretrained(given).encode_text(["a"])


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_an_oversized_record_is_refused_before_it_is_read(name: str, given: Path) -> None:
    with (given / name).open("r+b") as file:
        file.truncate(2**40)  # a hole, which takes no space
    with pytest.raises(BadCheckpoint, match=rf"{name} must have at most [\d,]+ bytes; it has 1,099,511,627,776"):
        Retriever.from_pretrained(given)


def test_a_record_nested_without_end_is_refused(given: Path) -> None:
    (given / "config.json").write_text("[" * 200_000)
    with pytest.raises(BadCheckpoint, match=r"config.json is not valid JSON"):
        Retriever.from_pretrained(given)


def test_widths_that_would_fill_the_memory_are_refused_before_anything_is_allocated(given: Path) -> None:
    rewrite(given / "result.json", lambda result: result["widths"].update(image_whole=10**9, text_whole=10**9))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadCheckpoint, match=r"weight '.*' must be .*1000000000"):
        Retriever.from_pretrained(given)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20, "a GiB"


@pytest.mark.parametrize(
    "change",
    [
        {"image_whole": -1},
        {"image_whole": 10**30},
        {"unknown": 3},
        {"image_whole": "wide"},
    ],
)
def test_impossible_widths_are_one_sentence(change: dict[str, Any], given: Path) -> None:
    rewrite(given / "result.json", lambda result: result["widths"].update(change))
    with pytest.raises(
        BadCheckpoint, match=r"(no model that can be built|widths.image_whole must be a whole number; got 'wide')"
    ):
        Retriever.from_pretrained(given)


@pytest.mark.parametrize(
    ("file", "change", "error", "told"),
    [
        (
            "config.json",
            {"method": 3},
            BadCheckpoint,
            r"config.json is not of a run, or is damaged: method must be a text; got 3",
        ),
        ("config.json", {"settings": []}, BadCheckpoint, r"settings must be an object; got"),
        ("config.json", {"encoders": 3}, BadCheckpoint, r"must hold an object with 'image'"),
        ("config.json", {"method": "../evil"}, UnknownName, r"methods has no entry '../evil'"),
        ("config.json", {"settings": {"evil": 1}}, UnknownName, r"settings has no entry 'evil'"),
        ("result.json", {"spaces": 3}, BadCheckpoint, r"spaces must be a text or a list of texts; got 3"),
        (
            "result.json",
            {"fusion": {"rule": 1, "chosen_on": "val", "rules": {}}},
            BadCheckpoint,
            r"rule must be a text",
        ),
    ],
)
def test_records_of_other_kinds_are_one_sentence(
    file: str, change: dict[str, Any], error: type[DiptychError], told: str, given: Path
) -> None:
    rewrite(given / file, lambda value: value.update(change))
    with pytest.raises(error, match=told):
        Retriever.from_pretrained(given)


def test_a_place_that_is_neither_folder_nor_name_is_refused(tmp_path: Path, given: Path) -> None:
    with pytest.raises(MissingData, match=r"is neither a folder nor a name on the model hub. Write OWNER/NAME"):
        Retriever.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(BadSetting, match=r"is a folder, which has no revisions. Omit revision='v1'"):
        Retriever.from_pretrained(given, revision="v1")
    with pytest.raises(BadCheckpoint, match=r"is not a run folder: it has no config.json"):
        Retriever.from_pretrained(tmp_path)
