import sys
import tomllib
from pathlib import Path

import pytest

from diptych.encoders import ROOM
from diptych.encoders.given import Given
from diptych.encoders.registry import open_encoder, open_encoders
from diptych.errors import BadSetting, MissingData, MissingExtra, UnknownName

ROOT = Path(__file__).resolve().parents[2]


def test_the_room_lists_every_encoder() -> None:
    assert {"efficientnet-lite0", "efficientnet-lite2", "vgg19", "timm", "open-clip", "transformers", "onnx"} <= set(
        ROOM.names()
    )
    assert {"glove", "word2vec", "minilm", "sentence-transformers", "given"} <= set(ROOM.names())


def test_every_card_says_what_the_encoder_is() -> None:
    assert all(card.title and card.learns in ("nothing", "") for card in ROOM.cards().values())


def test_a_misspelt_encoder_is_offered_the_nearest() -> None:
    with pytest.raises(
        UnknownName, match=r"encoders has no entry 'efficentnet-lite2'. Did you mean 'efficientnet-lite2'"
    ):
        open_encoder("efficentnet-lite2")


def test_underscores_and_capitals_open_the_same_encoder() -> None:
    assert open_encoder("EfficientNet_Lite0").fingerprint == open_encoder("efficientnet-lite0").fingerprint


def test_settings_change_the_fingerprint_and_the_argument_stays_in_the_name(tmp_path: Path) -> None:
    (tmp_path / "Words.txt").write_text("cat 1 2\ndog 3 4\n")
    name = f"word2vec:{tmp_path / 'Words.txt'}"
    plain, limited = open_encoder(name), open_encoder(name, ["limit=1"])
    assert plain.name == limited.name == name
    assert plain.fingerprint != limited.fingerprint


def test_an_unknown_setting_is_offered_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"settings has no entry 'sides'. Did you mean 'side'"):
        open_encoder("efficientnet-lite0", ["sides=380"])


def test_given_opens_as_a_stand_in() -> None:
    assert isinstance(open_encoder("given"), Given)


@pytest.mark.parametrize("name", ["vgg19", "word2vec", "onnx"])
def test_an_encoder_that_needs_a_path_says_so(name: str) -> None:
    with pytest.raises(BadSetting, match=f"the encoder {name} needs a path; got none. Write it .*: {name}:PATH"):
        open_encoder(name)


@pytest.mark.parametrize("name", ["transformers", "sentence-transformers"])
def test_an_encoder_that_needs_a_name_says_so(name: str) -> None:
    with pytest.raises(BadSetting, match=f"the encoder {name} needs a name; got none"):
        open_encoder(name)


@pytest.mark.parametrize("name", ["vgg19", "word2vec", "glove", "onnx"])
def test_a_path_that_leads_nowhere_is_named(name: str) -> None:
    with pytest.raises(MissingData, match=f"the encoder {name} needs a file; nowhere/file is not one"):
        open_encoder(f"{name}:nowhere/file")


@pytest.mark.parametrize("name", ["efficientnet-lite2", "minilm", "given"])
def test_an_argument_that_nothing_would_read_is_refused(name: str) -> None:
    with pytest.raises(BadSetting, match=f"the encoder {name} takes no argument; got 'x'. Write {name}"):
        open_encoder(f"{name}:x")


def test_settings_go_to_the_encoder_that_they_name() -> None:
    images, texts = open_encoders("efficientnet-lite0", "minilm", ["image_encoder.side=64", "text_encoder.tokens=32"])
    assert images.side == 64
    assert texts.config.tokens == 32


def test_a_setting_of_no_encoder_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"settings has no entry 'txt_encoder'\. Did you mean 'text_encoder'\?"):
        open_encoders("given", "given", ["txt_encoder.tokens=32"])


def test_what_an_encoder_needs_is_an_extra_of_the_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    needed = {extra for card in ROOM.cards().values() for extra in card.needs}
    assert (
        {"timm", "open-clip", "onnx", "transformers", "sentence-transformers", "minilm", "glove"}
        == needed
        <= extras.keys()
    )


@pytest.mark.parametrize("name", ["transformers", "sentence-transformers", "timm", "open-clip"])
def test_an_encoder_whose_library_is_not_installed_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name.replace("-", "_"), None)
    with pytest.raises(MissingExtra, match=rf"the {name} encoders need .* Install it: pip install 'diptych\[{name}\]'"):
        open_encoder(f"{name}:nowhere")
