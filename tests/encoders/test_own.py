"""Encoders that users made: networks of torch and objects of their own, from training to a collection."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from diptych import Collection, Retriever, catalogue, module_encoder, open_data
from diptych.encoders.contract import Encoder
from diptych.encoders.own import ModuleEncoder
from diptych.errors import BadCheckpoint, BadSetting, MissingData

from .counting import Letters, Quarters, save_pictures

SIDE = 16
WORDS = 8
EPOCH = ["training.epochs=1", *(f"{space}.{size}=8" for space in ("visual", "textual") for size in ("width", "hidden"))]
EPOCH += ["visual.reduce=0", "textual.reduce=0"]


class Patches(nn.Module):
    """Pixels -> four patches and their mean."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.map = nn.Conv2d(3, 6, SIDE // 2, SIDE // 2)
        self.dropout = nn.Dropout(0.5)
        self.calls: list[int] = []

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.calls.append(len(images))
        parts = self.dropout(self.map(images)).flatten(2).transpose(1, 2)
        return parts, parts.mean(1)


class Characters(nn.Module):
    """Codes of characters, of texts of several lengths -> words, their sum, and which of them are there."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.table = nn.Embedding(128, 5)

    def forward(self, *, codes: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parts = self.table(codes) * there.unsqueeze(2)
        return parts, parts.sum(1), there


def pixels(picture: Image.Image) -> Tensor:
    assert picture.mode == "RGB"
    return torch.from_numpy(np.asarray(picture.resize((SIDE, SIDE)), dtype=np.float32) / 255).permute(2, 0, 1)


def padded(texts: list[Tensor]) -> dict[str, Tensor]:
    codes = nn.utils.rnn.pad_sequence(texts, batch_first=True)
    return {"codes": codes, "there": codes > 0}


def codes(text: str) -> Tensor:
    return torch.tensor([ord(letter) for letter in text[:WORDS]])


def patches(seed: int = 0, **changed: Any) -> ModuleEncoder:
    return module_encoder(Patches(seed), prepare=pixels, modality="image", name="patches", **changed)


def characters() -> ModuleEncoder:
    return module_encoder(Characters(), prepare=codes, modality="text", name="characters", collate=padded)


@pytest.fixture
def trained(tiny_set: Path, tmp_path: Path) -> Path:
    """Return the run of a method that reads with a network of the user's, and words by name."""
    out = tmp_path / "run"
    Retriever.train("mcsm", tiny_set, out=out, image_encoder=patches(), text_encoder="glove", settings=EPOCH)
    return out


def test_a_network_of_torch_gives_what_it_returns_itself(tmp_path: Path) -> None:
    encoder, (file,) = patches(), save_pictures(tmp_path, 1)
    (found,) = encoder.encode([encoder.prepare(file)])
    network = Patches().eval()
    parts, whole = network(pixels(Image.open(file).convert("RGB"))[None])
    np.testing.assert_allclose(found.parts, parts[0].detach(), atol=1e-3)
    np.testing.assert_allclose(found.whole, whole[0].detach(), atol=1e-3)
    assert (encoder.parts_width, encoder.whole_width) == (6, 6)


def test_texts_of_several_lengths_are_told_apart_by_a_mask() -> None:
    encoder = characters()
    found = encoder.encode([encoder.prepare("ab"), encoder.prepare("abcdef")])
    assert [each.parts.shape for each in found if each.parts is not None] == [(2, 5), (6, 5)]
    (alone,) = encoder.encode([encoder.prepare("ab")])
    np.testing.assert_array_equal(alone.whole, found[0].whole)


def test_a_network_without_parts_gives_whole_vectors() -> None:
    encoder = module_encoder(
        nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 4)), prepare=pixels, modality="image", name="flat"
    )
    assert (encoder.parts_width, encoder.whole_width) == (None, 4)


def test_a_network_in_training_stays_in_training() -> None:
    encoder = patches()
    encoder.network.train()
    assert encoder.whole_width == 6
    assert encoder.network.training


@pytest.mark.parametrize("changed", [{"seed": 1}, {"version": "2"}, {"side": 300}])
def test_the_fingerprint_changes_with_weights_version_and_side(changed: dict[str, Any]) -> None:
    assert patches().fingerprint == patches().fingerprint
    assert patches(**changed).fingerprint != patches().fingerprint


def test_features_are_cached_under_the_fingerprint(tiny_set: Path) -> None:
    first, again, other = patches(), patches(), patches(version="2")
    for encoder in (first, again, other):
        found = catalogue.encode(tiny_set, image_encoder=encoder, text_encoder="glove")
        assert found.image_encoder == f"own:patches@{encoder.fingerprint}"
    assert sum(first.network.calls) == 24
    assert again.network.calls == []
    assert sum(other.network.calls) == 24


def test_a_run_is_opened_with_the_same_encoder_again(trained: Path, tiny_set: Path) -> None:
    run = Retriever.load(trained, image_encoder=patches())
    assert run.config.encoders.image.name == "own:patches"
    assert run.evaluate().average_map() > 0
    pictures = [pair.image for pair in open_data(tiny_set).pairs[:3]]
    assert run.encode_image(pictures)["visual"].shape == (3, 8)
    assert run.search(text="a red square", k=3).hits


def test_a_run_without_its_encoder_says_whose_it_was(trained: Path, tiny_set: Path) -> None:
    run = Retriever.load(trained)
    assert run.encode_text(["a red square"])["visual"].shape == (1, 8)
    wanted = (
        "the image encoder 'patches' was an object of its user, which no run holds. Pass it again from Python: "
        "image_encoder=ENCODER, to Retriever.load, Retriever.from_pretrained or Collection.open."
    )
    with pytest.raises(MissingData, match=re.escape(wanted)):
        run.encode_image([tiny_set / "0.png"])


def test_another_network_is_refused_at_once(trained: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"was trained with other encoders \(image.fingerprint was"):
        Retriever.load(trained, image_encoder=patches(1))


def test_a_finished_training_that_is_resumed_keeps_its_encoder(trained: Path, tiny_set: Path) -> None:
    run = Retriever.train(
        "mcsm", tiny_set, out=trained, image_encoder=patches(), text_encoder="glove", settings=EPOCH, resume=True
    )
    assert run.encode_image([tiny_set / "0.png"])["visual"].shape == (1, 8)


def test_a_run_that_is_handed_over_takes_the_encoder_again(trained: Path, tiny_set: Path, tmp_path: Path) -> None:
    Retriever.load(trained, image_encoder=patches()).save_pretrained(tmp_path / "given")
    card = (tmp_path / "given" / "README.md").read_text()
    assert 'Retriever.from_pretrained("path/to/given", image_encoder=patches)' in card
    run = Retriever.from_pretrained(tmp_path / "given", image_encoder=patches())
    expected = Retriever.load(trained, image_encoder=patches()).encode_image([tiny_set / "0.png"])
    np.testing.assert_array_equal(run.encode_image([tiny_set / "0.png"])["visual"], expected["visual"])
    with pytest.raises(MissingData, match="'patches' was an object of its user"):
        Retriever.from_pretrained(tmp_path / "given").encode_image([tiny_set / "0.png"])


def test_an_object_that_meets_the_contract_serves_for_either_side(tiny_set: Path, tmp_path: Path) -> None:
    run = Retriever.train(
        "cca",
        tiny_set,
        out=tmp_path / "run",
        image_encoder=Quarters(),
        text_encoder=Letters(),
        settings=["dimensions=2"],
    )
    assert [each.name for each in run.config.encoders.both] == ["own:quarters", "own:letters"]
    again = Retriever.load(tmp_path / "run", image_encoder=Quarters(), text_encoder=Letters())
    assert [own.shape for own in again.encode_text(["a red square"]).values()] == [(1, 2)]


def test_a_collection_of_a_run_takes_the_encoder_again(trained: Path, tiny_set: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "shop", trained, image_encoder=patches()) as shop:
        assert shop.add(tiny_set).added == 24
    with Collection.open(tmp_path / "shop", image_encoder=patches()) as shop:
        assert shop.search(image=tiny_set / "0.png", k=1, against="image").hits[0].id == "p0"
    with Collection.open(tmp_path / "shop") as shop:
        assert shop.search(text="a red square", k=1).hits
        with pytest.raises(MissingData, match="'patches' was an object of its user"):
            shop.search(image=tiny_set / "0.png")
    with pytest.raises(BadCheckpoint, match="was trained with other encoders"):
        Collection.open(tmp_path / "shop", image_encoder=patches(1))


def test_two_networks_of_one_space_make_a_collection_without_training(tiny_set: Path, tmp_path: Path) -> None:
    def both() -> dict[str, Encoder]:
        torch.manual_seed(0)
        see = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 5))
        read = nn.Sequential(nn.EmbeddingBag(128, 5))

        def counted(text: str) -> Tensor:
            return torch.tensor([ord(letter) for letter in text.ljust(WORDS)[:WORDS]])

        return {
            "image_encoder": module_encoder(see, prepare=pixels, modality="image", name="twin"),
            "text_encoder": module_encoder(read, prepare=counted, modality="text", name="twin"),
        }

    with Collection.create(tmp_path / "shop", "joint", **both()) as shop:
        shop.add(tiny_set)
    with Collection.open(tmp_path / "shop", **both()) as shop:
        (found,) = shop.search(text="a red square", k=1).hits
    assert found.similarity <= 1
    with pytest.raises(BadCheckpoint, match="is not the encoder that this collection was filled with"):
        Collection.open(tmp_path / "shop", **{**both(), "image_encoder": patches()})


def test_what_is_no_encoder_is_refused_with_a_sentence(tiny_set: Path, tmp_path: Path) -> None:
    refused: list[tuple[Any, str]] = [
        (
            Patches(),
            r"image_encoder must say how its input is prepared; got a bare Patches. Pass diptych.module_encoder\(",
        ),
        (7, "image_encoder must be the name of an encoder, or an object of a class that extends .*; got int"),
        (Letters(), "image_encoder must be an encoder of images; letters is one of texts"),
    ]
    for encoder, sentence in refused:
        with pytest.raises(BadSetting, match=sentence):
            Retriever.train("cca", tiny_set, out=tmp_path / "run", image_encoder=encoder)
        with pytest.raises(BadSetting, match=sentence):
            Collection.create(tmp_path / "shop", "conse", image_encoder=encoder)


@pytest.mark.parametrize(("part", "value"), [("name", "../away"), ("fingerprint", "")])
def test_a_name_that_names_no_folder_is_refused(part: str, value: str, tiny_set: Path, tmp_path: Path) -> None:
    encoder = Quarters()
    setattr(encoder, part, value)
    with pytest.raises(BadSetting, match=f"the {part} of an encoder must be letters, digits"):
        Retriever.train("cca", tiny_set, out=tmp_path / "run", image_encoder=encoder)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"modality": "sound"}, "modality must be one of image, text; got 'sound'"),
        ({"name": "my net"}, "name must be letters, digits, '.', '_' and '-'; got 'my net'"),
        ({"batch": 0}, "batch must be 1 or more; got 0"),
        ({"side": 0}, "side must be 1 or more; got 0"),
        ({"network": len}, "network must be a Module; got <built-in function len>"),
    ],
)
def test_what_makes_no_encoder_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    right: dict[str, Any] = {"network": Patches(), "prepare": pixels, "modality": "image", "name": "patches"}
    with pytest.raises(BadSetting, match=sentence):
        module_encoder(**{**right, **wrong})


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (lambda x: x, r"got \(2, 3, 16, 16\)"),
        (lambda x: {"whole": x}, "got dict"),
        (lambda x: (x.flatten(2), x.flatten(1), torch.ones(2, 9)), r"got \(2, 3, 256\), \(2, 768\), \(2, 9\)"),
        (lambda x: x.flatten(1)[:1], r"for 2 items; got \(1, 768\)"),
    ],
)
def test_a_network_that_returns_something_else_is_told_what_it_returns(returned: Any, got: str) -> None:
    class Odd(nn.Module):
        def forward(self, images: Tensor) -> Any:
            return returned(images)

    encoder = module_encoder(Odd(), prepare=pixels, modality="image", name="odd")
    picture = pixels(Image.new("RGB", (8, 8)))
    with pytest.raises(BadSetting, match=rf"the network of own:odd must return whole vectors .*{got}"):
        encoder.encode([picture, picture])


def test_inputs_of_several_shapes_are_told_of_collate() -> None:
    encoder = module_encoder(Characters(), prepare=codes, modality="text", name="characters")
    with pytest.raises(BadSetting, match=r"cannot be stacked into one batch: .*or pass collate"):
        encoder.encode([encoder.prepare("ab"), encoder.prepare("abc")])


def test_an_object_takes_no_settings(tiny_set: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"own:patches is an object, .*; got image_encoder.side=64. Change the object"):
        Retriever.train(
            "cca", tiny_set, out=tmp_path / "run", image_encoder=patches(), settings=["image_encoder.side=64"]
        )


def test_a_network_that_a_run_has_tuned_has_no_other_in_its_place(tiny_set: Path, tmp_path: Path) -> None:
    tuning = [*EPOCH, "tune.image=1", "image_encoder.side=32"]
    Retriever.train(
        "mcsm", tiny_set, out=tmp_path / "run", image_encoder="efficientnet-lite0", text_encoder="glove",
        settings=tuning,
    )  # fmt: skip
    with pytest.raises(BadSetting, match="holds the image network that it has tuned"):
        Retriever.load(tmp_path / "run", image_encoder=patches())


def test_an_object_stays_frozen(tiny_set: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="own:patches cannot be cut in two"):
        Retriever.train(
            "mcsm", tiny_set, out=tmp_path / "run", image_encoder=patches(), text_encoder="glove",
            settings=[*EPOCH, "tune.image=1"],
        )  # fmt: skip
