import unicodedata

import numpy as np
import pytest

from diptych.encoders.word_vectors import WordTable, WordVectors, words_of

VECTORS = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], dtype=np.float32)
WORDS = {"a": 0, "cat": 1, "Paris": 2, "قطة": 3}


@pytest.fixture
def encoder() -> WordVectors:
    table = WordTable(WORDS, 2, lambda found: VECTORS[list(found)])
    return WordVectors("tiny", fingerprint="0", read=lambda: table)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A cat's nap.", ["A", "cat", "s", "nap"]),
        ("snake_case, 2 cats", ["snake", "case", "2", "cats"]),
        ("قطة على السجادة", ["قطة", "على", "السجادة"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("猫在睡觉。", ["猫在睡觉"]),
        ("🐱 !?", []),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_marks_and_digits_in_any_script(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_an_accent_may_be_written_in_two_ways() -> None:
    assert words_of(unicodedata.normalize("NFD", "café")) == words_of("café") == ["café"]


def test_parts_are_the_known_words_in_order_and_the_whole_their_mean(encoder: WordVectors) -> None:
    (vectors,) = encoder.encode(["A spotted CAT, a cat"])
    np.testing.assert_array_equal(vectors.parts, VECTORS[[0, 1, 0, 1]])
    np.testing.assert_array_equal(vectors.whole, [2, 3])
    assert vectors.parts.dtype == vectors.whole.dtype == np.float16


def test_a_word_is_sought_as_written_before_in_lower_case(encoder: WordVectors) -> None:
    np.testing.assert_array_equal(encoder.encode(["Paris"])[0].parts, VECTORS[[2]])
    assert encoder.unknown_share(["paris"]) == 1


@pytest.mark.parametrize("text", ["dog", "🐱", "", "  \n", "猫在睡觉"])
def test_a_text_without_a_known_word_is_one_zero(encoder: WordVectors, text: str) -> None:
    (vectors,) = encoder.encode([text])
    np.testing.assert_array_equal(vectors.parts, [[0, 0]])
    np.testing.assert_array_equal(vectors.whole, [0, 0])


def test_unknown_words_are_counted_over_all_texts(encoder: WordVectors) -> None:
    assert encoder.unknown_share(["a cat", "a dog"]) == 0.25
    assert encoder.unknown_share(["قطة"]) == 0
    assert encoder.unknown_share(["🐱", ""]) == 1


def test_spans_say_where_each_known_word_stands(encoder: WordVectors) -> None:
    text = "A spotted CAT, a dog in Paris"
    assert [text[slice(*span)] for span in encoder.spans(text) or ()] == ["A", "CAT", "a", "Paris"]
    assert len(encoder.spans(text) or ()) == len(encoder.encode([text])[0].parts)


def test_a_text_without_a_known_word_is_one_part_that_is_all_of_it(encoder: WordVectors) -> None:
    assert encoder.spans("dog!") == ((0, 4),)


def test_spans_stand_in_the_text_as_it_was_written() -> None:
    table = WordTable({"café": 0}, 2, lambda found: VECTORS[list(found)])
    encoder = WordVectors("tiny", fingerprint="0", read=lambda: table)
    assert encoder.spans(unicodedata.normalize("NFD", "un café noir")) == ((3, 8),)


def test_where_composing_changes_the_words_no_spans_are_told(encoder: WordVectors) -> None:
    assert encoder.spans("1 =\N{COMBINING LONG SOLIDUS OVERLAY} 2 a cat") is None
