from diptych.modality import MODALITIES, other


def test_the_opposite_of_each_modality_is_the_other_one() -> None:
    assert MODALITIES == ("image", "text")
    assert [other(modality) for modality in MODALITIES] == ["text", "image"]
