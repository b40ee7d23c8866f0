"""Filters: what they mean, what they refuse, and that printing and reading them changes nothing."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diptych.errors import BadSetting, UnknownName
from diptych.index.conditions import Absence, Columns, Comparison, Every, Membership, Some, Value, holds, opposite
from diptych.index.filters import DEEPEST, LONGEST, parse

COLUMNS: Columns = {
    "category": "text", "year": "number", "tags": "texts", "ours": "truth", "größe": "number", "in": "text",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("category = 'dog'", Comparison("category", "=", "dog")),
        ("year <> -1.5e3", Comparison("year", "!=", -1500.0)),
        ("year>=.5", Comparison("year", ">=", 0.5)),
        ("ours = TRUE", Comparison("ours", "=", True)),
        ("größe < 2", Comparison("größe", "<", 2.0)),
        ("\"in\" = 'a'", Comparison("in", "=", "a")),
        ("id = 'x'", Comparison("id", "=", "x")),
        ("category = 'it''s; -- 100% \\ 犬\n'", Comparison("category", "=", "it's; -- 100% \\ 犬\n")),
        ("tags in ('a', 'b')", Membership("tags", ("a", "b"))),
        ("year not in (1)", Membership("year", (1.0,), negated=True)),
        ("year is null", Absence("year")),
        ("year IS NOT NULL", Absence("year", negated=True)),
        ("year between 1 and 2", Every((Comparison("year", ">=", 1.0), Comparison("year", "<=", 2.0)))),
        ("year not between 1 and 2", Some((Comparison("year", "<", 1.0), Comparison("year", ">", 2.0)))),
        ("not not year = 1", Comparison("year", "=", 1.0)),
        (
            "not (year < 1 or tags = 'a' and category is null)",
            Every(
                (
                    Comparison("year", ">=", 1.0),
                    Some((Comparison("tags", "!=", "a"), Absence("category", negated=True))),
                )
            ),
        ),
    ],
)
def test_a_filter_is_read_as_written(text: str, condition: object) -> None:
    assert parse(text, COLUMNS) == condition


def test_and_binds_tighter_than_or_and_not_tighter_than_and() -> None:
    one, two, three = (Comparison("year", "=", float(year)) for year in (1, 2, 3))
    assert parse("year = 1 or year = 2 and year = 3", COLUMNS) == Some((one, Every((two, three))))
    assert parse("(year = 1 or year = 2) and year = 3", COLUMNS) == Every((Some((one, two)), three))
    assert parse("not year = 1 and year = 2", COLUMNS) == Every((opposite(one), two))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("year > 'x'", "must have a number to compare 'year' with at character 8; got the text 'x'"),
        ("category = 12", "must have a text in single quotes to compare 'category' with at character 12; got 12"),
        ("category = dog", "must have a text in single quotes to compare 'category' with at character 12; got dog"),
        ("tags = 1", "must have a text in single quotes to compare 'tags' with at character 8; got 1"),
        ("ours = 1", "must have true or false to compare 'ours' with at character 8; got 1"),
        ("year = true", "must have a number to compare 'year' with at character 8; got true"),
        ("year = 1e999", "must have a number below 1.8e308 to compare 'year' with at character 8; got 1e999"),
        ("ours < true", "must have =, != or 'in' after 'ours', which holds yes or no .*at character 6; got <"),
        (
            "tags between 'a' and 'b'",
            "after 'tags', which holds lists and so has no order, at character 6; got between",
        ),
        ("", "must have a column .* at character 1; it ends there"),
        ("year = 1 or", "must have a column .* at character 12; it ends there"),
        ("in = 'a'", r"must have a column \(in double quotes if it is a key word\).* at character 1; got in"),
        ("year", "must have a comparison of 'year', such as = or 'in', at character 5; it ends there"),
        ("year not = 3", "must have 'in' or 'between' at character 10; got ="),
        ("year is 3", "must have 'null' at character 9; got 3"),
        ("year in 3", r"must have '\(' after 'in' at character 9; got 3"),
        ("year in ()", r"must have a number to compare 'year' with at character 10; got \)"),
        ("year in (1 2)", r"must have ',' or '\)' at character 12; got 2"),
        ("year between 1 or 2", "must have 'and' and the end of the interval at character 16; got or"),
        ("(year = 1", r"must have 'and', 'or' or '\)' at character 10; it ends there"),
        ("year = 1)", r"must have 'and', 'or' or its end at character 9; got \)"),
        (
            "year = 12abc",
            r"must have a column, a value \(texts in single quotes\) or a key word at character 8; got 12abc",
        ),
        ("year ! 1", "or a key word at character 6; got !"),
        ("category = 'x", "the quote ' at character 12 of the filter is never closed. Inside a text, double it"),
        ("category = 'x''", "the quote ' at character 15 of the filter is never closed"),
        ("category = 'a\0'", "the quoted text at character 12 of the filter must be valid Unicode without NUL"),
        ("category = '\ud800'", "the quoted text at character 12 of the filter must be valid Unicode without NUL"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        parse(text, COLUMNS)


def test_an_unknown_column_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"columns has no entry 'yeer'. Did you mean 'year'\?"):
        parse("yeer = 1", COLUMNS)


@pytest.mark.parametrize("opening", ["(", "not ", "not ("])
def test_a_filter_nests_so_deep_and_no_deeper(opening: str) -> None:
    times = DEEPEST // (2 if opening == "not (" else 1)
    closing = ")" if "(" in opening else ""
    parse(opening * times + "year = 1" + closing * times, COLUMNS)
    with pytest.raises(BadSetting, match=r"a filter may nest at most 30 deep; this one goes deeper at character \d+"):
        parse("(" + opening * times + "year = 1" + closing * times + ")", COLUMNS)


def test_a_filter_has_so_many_characters_and_no_more() -> None:
    longest = " or ".join(["year = 1"] * (LONGEST // 12 + 1))[: LONGEST - 4].rpartition(" or ")[0]
    assert len(parse(longest, COLUMNS).conditions) > 800  # type: ignore[union-attr]
    with pytest.raises(
        BadSetting, match=r"a filter may have at most 10000 characters; got 10001\. Search in several steps"
    ):
        parse(longest.ljust(LONGEST + 1), COLUMNS)


def test_a_list_equals_a_value_where_some_entry_does() -> None:
    tagged: Mapping[str, Value] = {"tags": ("a", "b")}
    meant = {
        "tags = 'a'": True, "tags != 'a'": False, "tags != 'c'": True, "not tags = 'c'": True,
        "tags in ('c', 'b')": True, "tags not in ('c', 'b')": False, "tags is not null": True,
    }  # fmt: skip
    assert {text: holds(parse(text, COLUMNS), tagged, "x") for text in meant} == meant
    assert not any(holds(parse(text, COLUMNS), {}, "x") for text in meant)


SAMPLES: Mapping[str, list[Value]] = {
    "category": ["", "dog", "Dog", "it's", "犬 %"], "year": [-1.0, 0.0, 2.5, 1e21], "ours": [True, False],
}  # fmt: skip


def written(value: Value) -> str:
    """The value as a filter has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> tuple:  # type: ignore[type-arg]
    """An expression: its operation, then its parts."""
    if depth and draw(st.booleans()):
        if draw(st.booleans()):
            return "not", draw(trees(depth - 1))
        return draw(st.sampled_from(["and", "or"])), draw(trees(depth - 1)), draw(trees(depth - 1))
    column = draw(st.sampled_from(["category", "year", "ours", "tags", "id"]))
    values = SAMPLES.get(column, SAMPLES["category"])
    ordered = ["<", "<=", ">", ">=", "between"] if column in ("category", "year", "id") else []
    verb = draw(st.sampled_from(["=", "!=", "in", "is null", *ordered]))
    return verb, column, draw(st.lists(st.sampled_from(values), min_size=2, max_size=3))


def printed(tree: tuple) -> str:  # type: ignore[type-arg]
    """The expression as a filter."""
    verb, *parts = tree
    if verb == "not":
        return f"NOT ({printed(parts[0])})"
    if verb in ("and", "or"):
        return f"({printed(parts[0])}) {verb} ({printed(parts[1])})"
    column, values = parts
    match verb:
        case "is null":
            return f"{column} is null"
        case "in":
            return f'"{column}" in ({", ".join(map(written, values))})'
        case "between":
            return f"{column} between {written(values[0])} and {written(values[1])}"
    return f"{column}{verb}{written(values[0])}"


def meaning(tree: tuple, metadata: Mapping[str, Value], item_id: str) -> bool | None:  # type: ignore[type-arg]
    """The expression's truth in SQL's logic of three values; None is neither true nor false."""
    verb, *parts = tree
    if verb in ("not", "and", "or"):
        truths = [meaning(part, metadata, item_id) for part in parts]
        if verb == "not":
            return None if truths[0] is None else not truths[0]
        decisive = verb == "or"
        return decisive if decisive in truths else None if None in truths else not decisive
    column, values = parts
    cell = item_id if column == "id" else metadata.get(column)
    if verb == "is null":
        return cell is None
    if cell is None:
        return None
    if column == "tags":
        return {"=": values[0] in cell, "!=": values[0] not in cell, "in": bool(set(cell) & set(values))}[verb]  # type: ignore[operator,arg-type]
    low, high = values[:2]
    return {
        "=": lambda: cell == low, "!=": lambda: cell != low, "in": lambda: cell in values,
        "<": lambda: cell < low, "<=": lambda: cell <= low, ">": lambda: cell > low, ">=": lambda: cell >= low,
        "between": lambda: low <= cell <= high,
    }[verb]()  # fmt: skip


items = st.fixed_dictionaries(
    {},
    optional={column: st.sampled_from(values) for column, values in SAMPLES.items()}
    | {"tags": st.lists(st.sampled_from(SAMPLES["category"]), max_size=3).map(tuple)},
)


@given(trees(), items, st.sampled_from(["dog", "it's", "x"]))
def test_a_printed_expression_means_what_sql_says(tree: tuple, item: Mapping[str, Value], item_id: str) -> None:  # type: ignore[type-arg]
    condition = parse(printed(tree), COLUMNS)
    assert holds(condition, item, item_id) is (meaning(tree, item, item_id) is True)
    assert holds(opposite(condition), item, item_id) is (meaning(tree, item, item_id) is False)
