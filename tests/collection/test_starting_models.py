"""Starting models: a word for each, and the best that is reachable where none is named."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from PIL import Image

from diptych.collection import Collection
from diptych.collection.model import open_model
from diptych.collection.starting_models import STARTING, StartingModel, best_reachable, spelt_out
from diptych.encoders import ROOM as ENCODERS
from diptych.errors import BadCheckpoint, BadSetting, MissingData, MissingExtra, UnknownName
from diptych.methods import ROOM as METHODS
from diptych.rooms import split_name
from tests.encoders.dual import save_clip


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the hub and earlier downloads away."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "downloads"))


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let `clip` stand for a small random CLIP in a folder."""
    (tmp_path / "network").mkdir()
    model = f"joint:{save_clip(tmp_path / 'network')}"
    crops = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True}
    described = tmp_path / "network" / "preprocessor_config.json"
    described.write_text(json.dumps({**json.loads(described.read_text()), **crops}))
    monkeypatch.setitem(STARTING, "clip", StartingModel(model, "CLIP, small and random"))  # type: ignore[arg-type]
    return model


def test_every_name_stands_for_a_method_without_training_and_its_encoder() -> None:
    assert list(STARTING) == ["siglip2", "clip", "mobileclip", "conse"]
    for name, each in STARTING.items():
        method, encoder = split_name(spelt_out(name))
        assert METHODS.cards()[method].learns == "nothing"
        assert not encoder or split_name(encoder)[0] in ENCODERS.names()
        assert each.title
    assert spelt_out("runs/mine") == "runs/mine"


def test_offline_it_is_conse_and_the_choice_says_why(tiny_set: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "shop") as shop:
        assert shop.model.name == "conse"
        choice = shop.choice
        shop.add(tiny_set)
        assert shop.search(text="a red square", k=1).hits
    assert choice is not None
    first, *others = str(choice).splitlines()
    assert first == (
        "Model: conse (ConSE: the class names that a packaged image network predicts), the best that is reachable."
    )
    assert [line.split(":")[0].strip() for line in others] == ["not siglip2", "not clip", "not mobileclip"]
    assert "google/siglip2-base-patch16-224 is not a folder, transformers has no download of it" in others[0]
    with Collection.open(tmp_path / "shop") as shop:
        assert shop.choice is None


def test_a_better_one_is_taken_where_it_is_reachable(clip: str, tiny_set: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "shop") as shop:
        assert shop.choice is not None
        assert (shop.choice.name, list(shop.choice.passed_over)) == ("clip", ["siglip2"])
        shop.add(tiny_set)
    with Collection.open(tmp_path / "shop") as shop:
        assert shop.record.model.source == clip
        assert shop.search(text="a red square", k=1).hits


def test_a_starting_model_is_named_by_one_word(clip: str, tiny_set: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "shop", "clip") as shop:
        assert (shop.model.source, shop.choice) == (clip, None)
    with pytest.raises(
        MissingData, match="google/siglip2-base-patch16-224 is not a folder, transformers has no download"
    ):
        Collection.create(tmp_path / "other", "siglip2")
    with pytest.raises(UnknownName, match="Did you mean 'siglip2'"):
        open_model("siglip")


def test_a_collection_without_training_prepares_pictures_as_the_network_was_trained(clip: str, tmp_path: Path) -> None:
    wide = tmp_path / "wide.png"
    pixels = np.random.default_rng(0).integers(0, 256, (32, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(wide)
    middle = Image.fromarray(pixels[:, 29:61])
    with Collection.create(tmp_path / "shop", "clip") as shop:
        assert shop.record.model.settings == ("image_encoder.as_trained=true",)
        expected = shop.encode_image([middle])[shop.model.method.spaces[0]]
        (found,) = shop.encode_image([wide]).values()
    np.testing.assert_allclose(found, expected, atol=2e-3)
    before = ["image_encoder.as_trained=false"]
    with Collection.create(tmp_path / "squeezed", "clip", settings=before) as shop:
        (squeezed,) = shop.encode_image([wide]).values()
    assert np.abs(squeezed - expected).max() > 0.01
    with Collection.open(tmp_path / "squeezed") as shop:
        np.testing.assert_array_equal(shop.encode_image([wide])[shop.model.method.spaces[0]], squeezed)


def test_encoders_without_a_model_are_refused(tmp_path: Path) -> None:
    for chosen in ({"text_encoder": "glove"}, {"settings": ["image_encoder.side=64"]}):
        with pytest.raises(BadSetting, match=r"encoders and their settings belong to a model. Name one: conse"):
            Collection.create(tmp_path / "shop", **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [MissingData, MissingExtra, BadCheckpoint])
def test_where_none_can_be_opened_the_last_one_says_why(error: type[Exception]) -> None:
    def opens(model: str) -> None:
        raise error(f"{model} is away.")

    with pytest.raises(MissingData, match=r"no starting model can be opened. The last one, conse: conse is away\."):
        best_reachable(opens)


def test_an_error_of_another_kind_is_not_passed_over() -> None:
    def opens(model: str) -> None:
        raise ZeroDivisionError

    opened: Callable[[str], None] = opens
    with pytest.raises(ZeroDivisionError):
        best_reachable(opened)
