"""What callers pass becomes the declared types, or is refused in a sentence."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from diptych.entrance import checks_arguments, fit_fields, fitted, given_picture
from diptych.errors import BadImage, BadSetting

RED = np.zeros((20, 30, 3), dtype=np.uint8) + np.array([220, 30, 30], dtype=np.uint8)


@pytest.mark.parametrize(
    ("hint", "passed", "received"),
    [
        (int, np.int64(3), 3),
        (float, 1, 1.0),
        (float, np.float32(0.5), 0.5),
        (str, np.str_("a"), "a"),
        (Path, "a/b", Path("a/b")),
        (str | Path, "s3://a/b", "s3://a/b"),
        (str | Path | None, Path("a"), Path("a")),
        (Sequence[str], "12", ("12",)),
        (Sequence[str], ["a", "b"], ("a", "b")),
        (Sequence[str], (each for each in "ab"), ("a", "b")),
        (Sequence[str], np.array(["a", "b"]), ("a", "b")),
        (tuple[int | None, ...], [np.int32(1), None], (1, None)),
        (Literal["a", "b"] | None, "c", "c"),
        (Callable[[int], None] | None, print, print),
    ],
)
def test_what_is_meant_becomes_the_declared_type(hint: Any, passed: Any, received: Any) -> None:
    found = fitted(hint, passed, "x")
    assert found == received
    assert type(found) is type(received)


@pytest.mark.parametrize(
    ("hint", "passed", "sentence"),
    [
        (int, 1.5, "x must be a whole number; got 1.5."),
        (int, "3", "x must be a whole number; got '3'."),
        (int, True, "x must be a whole number; got True."),
        (int, None, "x must be a whole number; got None."),
        (float, "x", "x must be a number; got 'x'."),
        (float, False, "x must be a number; got False."),
        (bool, 1, "x must be True or False; got 1."),
        (str | None, 5, "x must be a text or None; got 5."),
        (str, Path("a"), "x must be a text; got PosixPath('a')."),
        (str | Path, b"a", "x must be a text or a path; got b'a'."),
        (Sequence[str], [1], "x must be a text or a list of texts; got [1]."),
        (Sequence[str], {"a": 1}, "x must be a text or a list of texts; got {'a': 1}."),
        (Callable[[int], None] | None, "print", "x must be a Callable or None; got 'print'."),
        (BadImage, 5, "x must be a BadImage; got 5."),
    ],
)
def test_what_is_not_of_the_declared_type_is_refused_in_a_sentence(hint: Any, passed: Any, sentence: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        fitted(hint, passed, "x")
    assert str(refusal.value) == sentence


def test_a_long_value_is_shown_in_short() -> None:
    with pytest.raises(BadSetting) as refusal:
        fitted(int, "a" * 10_000, "x")
    assert len(str(refusal.value)) < 100


@checks_arguments
def count(*names: str | Path, k: int = 1, without: Sequence[str] = (), **others: Any) -> tuple[Any, ...]:
    """Return what came."""
    return names, k, without, others


def test_a_function_receives_each_argument_as_it_declares_it() -> None:
    assert count("a", Path("b"), k=np.int8(2), without="blue", other=5) == (
        ("a", Path("b")), 2, ("blue",), {"other": 5},
    )  # fmt: skip
    assert count.__doc__ == "Return what came."
    with pytest.raises(BadSetting, match="names must be a text or a path; got 5"):
        count("a", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="missing a required argument: 'hint'"):
        checks_arguments(fitted)()  # type: ignore[call-arg]


@dataclass(frozen=True)
class Wanted:
    out: Path
    names: tuple[str, ...] = ()


def test_the_fields_of_a_record_become_their_declared_types() -> None:
    wanted = Wanted("a", "b")  # type: ignore[arg-type]
    fit_fields(wanted)
    assert wanted == Wanted(Path("a"), ("b",))


def opened(data: Path | bytes) -> Image.Image:
    assert isinstance(data, bytes)
    return Image.open(io.BytesIO(data))


def test_a_picture_is_a_file_or_bytes_whatever_it_was_passed_as() -> None:
    assert given_picture("a.png") == given_picture(Path("a.png")) == Path("a.png")
    assert given_picture(bytearray(b"abc")) == b"abc"
    for passed in (RED, Image.fromarray(RED), RED[:, ::-1]):
        np.testing.assert_array_equal(np.asarray(opened(given_picture(passed))), RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "F", "I"])
def test_a_picture_of_any_mode_keeps_its_colours(mode: str) -> None:
    picture = Image.fromarray(RED).convert(mode)
    found = opened(given_picture(picture)).convert("RGB")
    difference = np.abs(np.asarray(found).astype(int) - np.asarray(picture.convert("RGB")))
    assert difference.max() <= 2


def test_a_picture_of_pillow_keeps_its_orientation() -> None:
    written = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RED).save(written, "JPEG", exif=exif)
    assert opened(given_picture(Image.open(written))).getexif()[0x0112] == 6


@pytest.mark.parametrize(
    ("passed", "got"),
    [
        (5, "5"),
        (RED[..., 0], "an array of 20 x 30, uint8"),
        (RED / 255, "an array of 20 x 30 x 3, float64"),
        (RED[:0], "an array of 0 x 30 x 3, uint8"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(passed: Any, got: str) -> None:
    with pytest.raises(BadSetting, match="image must be the path of a picture, its bytes, a picture of Pillow") as no:
        given_picture(passed)
    assert str(no.value).endswith(f"; got {got}.")


def test_a_broken_picture_of_pillow_is_refused_in_a_sentence() -> None:
    written = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(written, "JPEG")
    with pytest.raises(BadImage, match="the picture cannot be read: image file is truncated"):
        given_picture(Image.open(io.BytesIO(written.getvalue()[:3000])))
