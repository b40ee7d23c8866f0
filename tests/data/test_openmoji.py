from collections import Counter

from diptych.data.openmoji import read
from diptych.data.pictures import decode
from diptych.data.sources import open_data


def test_about_1900_pictograms_in_nine_groups_with_their_credit():
    dataset = read(None)
    assert 1850 < len(dataset.pairs) < 1900
    assert len(dataset.classes) == 9
    assert "CC BY-SA 4.0" in dataset.attribution
    assert "OpenMoji" in dataset.attribution


def test_every_group_is_in_every_split_and_no_drawing_in_two():
    dataset = open_data("openmoji")
    for rows in dataset.splits.values():
        assert {dataset.pairs[row].categories[0] for row in rows} == set(dataset.classes)
    drawings = Counter(pair.image.read_bytes() for pair in dataset.pairs if pair.image)
    assert max(drawings.values()) == 1
    assert len({pair.id for pair in dataset.pairs}) == len(dataset.pairs)


def test_the_split_is_always_the_same():
    assert open_data("openmoji") == open_data("openmoji")
    assert (open_data("openmoji").split_seed, read(None).splits) == (0, {})


def test_names_are_plain_words_and_drawings_fill_224_pixels():
    pairs = {pair.id: pair for pair in read(None).pairs}
    assert pairs["1F989"].texts == ("owl",)
    assert pairs["1F308"].texts == ("rainbow",)
    assert "norway flag" in pairs["1F1F3-1F1F4"].texts
    picture = decode(pairs["1F989"].image)
    assert (picture.size, picture.mode, picture.getpixel((0, 0))) == ((224, 224), "RGB", (255, 255, 255))
