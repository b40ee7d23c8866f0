import numpy as np
import pytest
from PIL import Image

from diptych.drawing.heat import OPACITY, colour, contrast, heated, ink_on, stops, strongest


def channels(spelt: str) -> np.ndarray:
    return np.array([int(spelt[k : k + 2], 16) for k in (1, 3, 5)])


def lightness(spelt: str) -> float:
    """Return the lightness L* of CIELAB."""
    share = contrast(spelt, "#000000") * 0.05 - 0.05
    return 116 * (share ** (1 / 3) if share > (6 / 29) ** 3 else share / (3 * (6 / 29) ** 2) + 4 / 29) - 16


@pytest.mark.parametrize("sign", [1, -1])
def test_equal_steps_of_a_value_are_equal_steps_of_lightness(sign: int) -> None:
    steps = -np.diff([lightness(colour(sign * value)) for value in np.linspace(0, 1, 9)])
    assert (steps > 0).all()
    assert steps.max() < 1.25 * steps.min()


def test_what_adds_is_as_strong_as_what_takes_away() -> None:
    for value in (0.25, 0.5, 1.0):
        assert lightness(colour(value)) == pytest.approx(lightness(colour(-value)), abs=4)


def test_the_two_arms_stay_apart_for_those_who_see_no_red_or_no_green() -> None:
    # both kinds of colour-blindness keep the difference of blue from yellow
    for value in (0.25, 0.5, 1.0):
        adds, takes = channels(colour(value)), channels(colour(-value))
        assert (takes[2] - takes[:2].mean()) - (adds[2] - adds[:2].mean()) > 60 * value


def test_values_beyond_the_ends_count_as_the_ends() -> None:
    assert (colour(2.0), colour(-7.0)) == (colour(1.0), colour(-1.0))
    assert (stops()[0], stops()[-1], stops()[len(stops()) // 2]) == (colour(-1.0), colour(1.0), colour(0.0))


def test_letters_can_be_read_on_every_colour() -> None:
    assert min(contrast(each, ink_on(each)) for each in stops()) >= 4.5
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_boxes_of_a_picture_take_the_colours_of_their_values() -> None:
    picture = Image.new("RGB", (40, 20), (255, 0, 0))
    found = heated(picture, [(0.0, 0.0, 20.0, 20.0), (20.0, 0.0, 40.0, 20.0)], [-3.0, 1.5])
    grey = np.array([76, 76, 76])
    for x, value in ((0, -1.0), (19, -1.0), (20, 0.5), (39, 0.5)):
        wanted = (1 - OPACITY) * grey + OPACITY * channels(colour(value))
        assert np.abs(np.array(found.getpixel((x, 10))) - wanted).max() <= 1


def test_without_boxes_a_picture_is_in_grey() -> None:
    assert heated(Image.new("RGB", (4, 4), (255, 0, 0)), [], []).getpixel((1, 1)) == (76, 76, 76)


def test_the_strongest_is_the_largest_in_size() -> None:
    assert strongest([0.5, -2.0]) == 2
    assert strongest([]) == 0
