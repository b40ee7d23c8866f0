import pytest

from diptych.data.texts import encoding_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("bad \ufffd letter", "replacement character U+FFFD"),
        ("bell\x07", "control character U+0007"),
        ("next\x85line", "control character U+0085"),
        ("half \ud83d", "lone surrogate U+D83D"),
        ("donâ€™t", "UTF-8 read as Windows-1252"),
    ],
)
def test_a_broken_encoding_is_recognised(text, fault):
    assert fault in encoding_fault(text)


@pytest.mark.parametrize(
    "text", ["plain", "tab\tand\nline", "café naïve Ærø", "猫が座っている", "кошка", "don’t – really…", "👍🏽"]
)
def test_intact_text_of_any_language_passes(text):
    assert encoding_fault(text) == ""
