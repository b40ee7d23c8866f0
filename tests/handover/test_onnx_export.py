"""A run as ONNX gives the vectors of torch, from pixels, tokens or features, also where there is no torch."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import Tensor

from diptych.cli import main
from diptych.encoders.contract import Encoder
from diptych.errors import BadCheckpoint, BadImage, BadSetting, MissingData, MissingExtra
from diptych.handover.exported import ExportedModel
from diptych.retriever import Retriever
from tests.encoders.counting import Quarters
from tests.encoders.dual import save_clip

from .conftest import SETTINGS, SMALL

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-4
TEXTS = ["a red square", "disc", "!", "number 7 is a disc that somebody drew in blue, and not in red " * 30]
"""Texts of several lengths, the last longer than the encoder reads."""


def train(data: Path, out: Path, method: str = "mcsm", **changed: Any) -> Retriever:
    wanted: dict[str, Any] = {**SMALL, **changed}
    return Retriever.train(method, data, out=out, **wanted)


def told(folder: Path) -> dict[str, Any]:
    description: dict[str, Any] = json.loads((folder / "towers.json").read_text())
    return description


def agree(run: Retriever, folder: Path, pictures: list[Path], texts: list[str]) -> None:
    """Compare the vectors of torch and of the graphs, one item at a time and several."""
    model = ExportedModel.open(folder)
    for count in (1, 2, len(pictures)):
        expected, found = run.encode_image(pictures[:count]), model.encode_image(pictures[:count])
        for space in run.model.spaces:
            np.testing.assert_allclose(found[space], expected[space], atol=TOLERANCE)
    for count in (1, len(texts)):
        expected, found = run.encode_text(texts[:count]), model.encode_text(texts[:count])
        for space in run.model.spaces:
            np.testing.assert_allclose(found[space], expected[space], atol=TOLERANCE)


@pytest.fixture
def pictures(tiny_set: Path) -> list[Path]:
    return [tiny_set / f"{k}.png" for k in range(20)]


@pytest.fixture(scope="module")
def spoken(tiny_set: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """Return a method that reads with the packaged sentence transformer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        return train(tiny_set, tmp_path_factory.mktemp("runs") / "spoken", text_encoder="minilm")


@pytest.fixture(scope="module")
def written(spoken: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spoken.export_onnx(tmp_path_factory.mktemp("written") / "towers")


def test_both_towers_of_both_spaces_agree_with_torch_from_pixels_and_tokens(
    spoken: Retriever, written: Path, pictures: list[Path]
) -> None:
    assert [told(written)[side]["begins_at"] for side in ("image", "text")] == ["pixels", "tokens"]
    assert ExportedModel.open(written).spaces == ("visual", "textual")
    agree(spoken, written, pictures, TEXTS)


def test_what_comes_before_is_described(spoken: Retriever, written: Path) -> None:
    description = told(written)
    image, text = description.pop("image"), description.pop("text")
    fusion = spoken.result.fusion
    assert description == {
        "format": 1,
        "diptych": spoken.config.versions["diptych"],
        "method": "mcsm",
        "spaces": {"visual": 16, "textual": 16},
        "fusion": {"rule": fusion.rule, "weight": fusion.weight(fusion.rule)},
    }
    assert image["inputs"] == {"pixels": {"type": "uint8", "shape": ["b", 64, 64, 3]}}
    assert (image["before"]["side"], image["before"]["resampling"]) == (64, "bicubic")
    assert text["inputs"] == {name: {"type": kind, "shape": ["b", "p"]} for name, kind in WORDS.items()}
    assert text["before"] == {
        "tokenizer": "tokenizer.json", "longest": 256, "padding": 0, "padded_to_longest": False,
    }  # fmt: skip
    for side, recorded in zip((image, text), spoken.config.encoders.both, strict=True):
        assert (side["encoder"], side["fingerprint"]) == (recorded.name, recorded.fingerprint)
        assert 0 <= side["largest_difference"] < TOLERANCE
        session = onnxruntime.InferenceSession(str(written / side["file"]))
        assert [each.name for each in session.get_outputs()] == ["visual", "textual"]
    assert sorted(each.name for each in written.iterdir()) == [
        "image.onnx", "text.onnx", "tokenizer.json", "towers.json",
    ]  # fmt: skip


WORDS = {"ids": "int64", "mask": "bool"}


def test_a_word_table_begins_at_its_vectors(trained: Retriever, tmp_path: Path) -> None:
    folder = trained.export_onnx(tmp_path / "towers")
    assert told(folder)["text"]["begins_at"] == "features"
    assert told(folder)["text"]["reason"] == "glove is no network that can be traced"
    model, encoder = ExportedModel.open(folder), trained.encoders["text"]
    assert isinstance(encoder, Encoder)
    for texts in (["disc"], TEXTS[:2] * 4):
        found = encoder.encode([encoder.prepare(text) for text in texts])
        rows = [each.parts for each in found if each.parts is not None]
        parts = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), dtype=np.float32)
        mask = np.zeros(parts.shape[:2], dtype=bool)
        for k, own in enumerate(rows):
            parts[k, : len(own)], mask[k, : len(own)] = own, True
        whole = np.stack([each.whole for each in found]).astype(np.float32)
        vectors = model.encode_features("text", parts=parts, mask=mask, whole=whole)
        for space, expected in trained.encode_text(texts).items():
            np.testing.assert_allclose(vectors[space], expected, atol=TOLERANCE)
    with pytest.raises(BadSetting, match="the graph of texts begins at features, not at tokens: it needs what glove"):
        model.encode_text(["disc"])


def test_tuned_networks_go_along(tiny_set: Path, tmp_path: Path, pictures: list[Path]) -> None:
    settings = [*SETTINGS, "tune.image=2", "tune.text=1", "posteriors.share=0.3"]
    run = train(tiny_set, tmp_path / "run", text_encoder="minilm", settings=settings)
    folder = run.export_onnx(tmp_path / "towers")
    assert [told(folder)[side]["begins_at"] for side in ("image", "text")] == ["pixels", "tokens"]
    agree(run, folder, pictures[:4], TEXTS)


def test_both_sides_of_a_random_clip_agree(tiny_set: Path, tmp_path: Path, pictures: list[Path]) -> None:
    (tmp_path / "clip").mkdir()
    name = save_clip(tmp_path / "clip")
    settings = [each for each in SETTINGS if not each.startswith("image_encoder")]
    run = train(tiny_set, tmp_path / "run", image_encoder=name, text_encoder=name, settings=settings)
    folder = run.export_onnx(tmp_path / "towers")
    description = told(folder)
    assert [description[side]["begins_at"] for side in ("image", "text")] == ["pixels", "tokens"]
    assert description["text"]["before"]["padded_to_longest"]
    assert description["image"]["encoder"] == "transformers:clip"
    agree(run, folder, pictures[:4], ["red square", "a"])


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("cca", ["dimensions=3"]),
        ("dual-encoder", ["training.epochs=1"]),
        ("deep-sm", ["training.epochs=1"]),
        ("cmdn", ["training.epochs=1"]),
        ("corr-ae", ["training.epochs=1"]),
    ],
)
def test_other_methods_are_written_too(
    method: str, settings: list[str], tiny_set: Path, tmp_path: Path, pictures: list[Path]
) -> None:
    settings = ["image_encoder.side=64", *settings]
    run = train(tiny_set, tmp_path / "run", method, text_encoder="minilm", settings=settings)
    agree(run, run.export_onnx(tmp_path / "towers"), pictures[:3], TEXTS[:2])


PROGRAM = """
import json, sys
for name in ("torch", "transformers", "onnx"):
    sys.modules[name] = None
from diptych.handover.exported import ExportedModel
model = ExportedModel.open(sys.argv[1])
found = [model.encode_image([sys.argv[2]]), model.encode_text(["a red square"])]
print(json.dumps([{space: rows.tolist() for space, rows in each.items()} for each in found]))
"""


def test_the_graphs_are_read_without_torch(spoken: Retriever, written: Path, pictures: list[Path]) -> None:
    command = [sys.executable, "-c", PROGRAM, str(written), str(pictures[0])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    for own, expected in zip(found, (spoken.encode_image(pictures[:1]), spoken.encode_text(TEXTS[:1])), strict=True):
        for space, rows in expected.items():
            np.testing.assert_allclose(own[space], rows, atol=TOLERANCE)


def test_pictures_in_memory_are_prepared_as_elsewhere(spoken: Retriever, written: Path) -> None:
    picture = Image.new("RGBA", (90, 50), (255, 0, 0, 40))
    found, expected = ExportedModel.open(written).encode_image([picture]), spoken.encode_image([picture])
    np.testing.assert_allclose(found["visual"], expected["visual"], atol=TOLERANCE)
    with pytest.raises(BadImage):
        ExportedModel.open(written).encode_image([b"no picture"])
    assert ExportedModel.open(written).encode_text([])["visual"].shape == (0, 16)


class Unwritable(Quarters):
    """Quarters of pictures as a function of pixels, with an operator that ONNX does not have."""

    @property
    def pixels(self) -> Any:
        return self

    side = 8

    def scaled(self, prepared: list[Any]) -> Tensor:
        return torch.from_numpy(np.stack(prepared)).permute(0, 3, 1, 2).float()

    def seen(self, images: Tensor) -> tuple[Tensor, Tensor]:
        parts = torch.linalg.qr(images.flatten(2).transpose(1, 2))[0]
        return parts, parts.mean(1)


def test_a_network_that_cannot_be_traced_begins_at_its_features(tiny_set: Path, tmp_path: Path) -> None:
    settings = [each for each in SETTINGS if not each.startswith("image_encoder")]
    run = train(tiny_set, tmp_path / "run", image_encoder=Unwritable(), settings=settings)
    image = told(run.export_onnx(tmp_path / "towers"))["image"]
    assert (image["begins_at"], image["encoder"]) == ("features", "own:quarters")
    assert image["reason"].startswith("this network cannot be traced: Exporting the operator 'aten::linalg_qr'")


def test_what_cannot_be_written_at_all_is_refused(trained: Retriever, tmp_path: Path) -> None:
    run = Retriever.load(trained.folder.path)
    run.model.embed = lambda modality, batch: torch.linalg.qr(batch.whole)  # type: ignore[method-assign,assignment]
    with pytest.raises(
        BadSetting, match=r"mcsm with these settings cannot be written as ONNX: .*Hand the run over with"
    ):
        run.export_onnx(tmp_path / "towers")
    run.model = object()  # type: ignore[assignment]
    with pytest.raises(BadSetting, match="mcsm is no network of torch"):
        run.export_onnx(tmp_path / "towers")


def test_a_folder_of_other_things_is_refused_and_an_earlier_export_replaced(trained: Retriever, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(BadSetting, match="mine holds other things than an exported run"):
        trained.export_onnx(tmp_path / "mine")
    with pytest.raises(BadSetting, match="holds other things"):
        trained.export_onnx(tmp_path / "mine" / "notes.txt")
    for _ in range(2):
        trained.export_onnx(tmp_path / "towers")
    assert ExportedModel.open(tmp_path / "towers").spaces == ("visual", "textual")


@pytest.mark.parametrize(
    ("content", "error", "sentence"),
    [
        (None, MissingData, "holds no run as ONNX: there is no towers.json. Write it: diptych export --onnx"),
        ("{", BadCheckpoint, "towers.json is not valid JSON .*. Export the run again"),
        ("[]", BadCheckpoint, "towers.json must have the format 1"),
        ('{"format": 2}', BadCheckpoint, "towers.json must have the format 1. Export the run again with this version"),
    ],
)
def test_a_folder_that_is_no_export_says_so(
    content: str | None, error: type[Exception], sentence: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "towers.json").write_text(content)
    with pytest.raises(error, match=sentence):
        ExportedModel.open(tmp_path)


def test_a_command_writes_both_kinds(
    trained: Retriever, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = str(trained.folder.path)

    def said(*options: str) -> str:
        monkeypatch.setattr(sys, "argv", ["diptych", "export", run, *options])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
        done = capsys.readouterr()
        return re.sub(r"\s+", " ", done.out + done.err)

    assert "The run as ONNX is in towers. towers/towers.json says what comes before its graphs." in said(
        "--onnx", "towers"
    )
    answer = said("--onnx", "again", "--pretrained", "given", "--split", "", "--json")
    assert json.loads(answer[answer.index("{") : answer.index("}") + 1]) == {
        "run": run, "pretrained": "given", "onnx": "again",
    }  # fmt: skip
    assert {each.name for each in Path("again").iterdir()} == {"image.onnx", "text.onnx", "towers.json"}


@pytest.mark.parametrize("module", ["onnx", "onnxruntime"])
def test_without_the_extra_it_is_named(
    module: str, trained: Retriever, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    wanted = f"runs as ONNX need the package {module}. Install it: pip install 'diptych[onnx]'."
    with pytest.raises(MissingExtra, match=re.escape(wanted)):
        trained.export_onnx(tmp_path / "towers")
    assert not (tmp_path / "towers").exists()
