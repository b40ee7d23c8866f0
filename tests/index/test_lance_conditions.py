import pytest

from diptych.errors import BadSetting
from diptych.index.conditions import Absence, Comparison, Condition, Every, Membership, Some
from diptych.index.lance.conditions import DEEPEST, literal, sql_of

COLUMNS = {"year": "number", "tags": "texts", "framed": "truth", "select": "text"}
OLD, FRAMED = Comparison("year", "<", 1900.0), Comparison("framed", "=", True)

OLD_SQL, FRAMED_SQL = "`metadata_year` < 1900.0", "`metadata_framed` = true"


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("it's", "'it''s'"),
        ("''", "''''''"),
        ("back\\slash % _ \n žluť 🖼", "'back\\slash % _ \n žluť 🖼'"),
        ("", "''"),
        (1e300, "1e+300"),
        (0.1, "0.1"),
        (float("inf"), "CAST('inf' AS DOUBLE)"),
        (False, "false"),
    ],
)
def test_a_value_is_quoted(value: str | float | bool, sql: str) -> None:
    assert literal(value) == sql


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        (Comparison("id", "!=", "a"), "`id` != 'a'"),
        (Comparison("select", "=", "x' OR '1'='1"), "`metadata_select` = 'x'' OR ''1''=''1'"),
        (Comparison("tags", "!=", "a"), "NOT array_has_any(`metadata_tags`, make_array('a'))"),
        (Membership("year", (1.0, 2.0), negated=True), "NOT `metadata_year` IN (1.0, 2.0)"),
        (Absence("tags"), "`metadata_tags` IS NULL"),
        (Absence("id", negated=True), "`id` IS NOT NULL"),
        (Absence("never"), "true"),
        (Absence("never", negated=True), "false"),
        (Comparison("never", "!=", 1.0), "false"),
        (Every((FRAMED, Some((OLD, Absence("id"))))), f"({OLD_SQL} OR `id` IS NULL) AND {FRAMED_SQL}"),
        (Some((Every((OLD, FRAMED)), Absence("id"))), f"{OLD_SQL} AND {FRAMED_SQL} OR `id` IS NULL"),
    ],
)
def test_conditions_become_sql(condition: Condition, sql: str) -> None:
    assert sql_of(condition, COLUMNS) == sql


def test_a_condition_that_is_too_deep_is_refused() -> None:
    condition: Condition = OLD
    for _ in range(DEEPEST):
        condition = Every((FRAMED, Some((condition, OLD))))
    with pytest.raises(BadSetting, match=rf"a depth of {DEEPEST}; this one has {DEEPEST + 1}\. Nest it less deeply"):
        sql_of(condition, COLUMNS)
