"""Columns beside pictures and texts: what they become, and that none costs its item."""

import datetime
import json
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from diptych.data.entries import read_entries
from diptych.data.findings import Finding
from diptych.data.metadata import LONGEST_VALUE, MOST_COLUMNS, CsvColumns, Numeral, column_name, metadata_of, text_of


def kept(row: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    remarks: list[str] = []
    return dict(metadata_of(row, CsvColumns(), remarks.append)), remarks


def refused(finding: Finding) -> None:
    raise AssertionError(finding)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, True),
        ("a", "a"),
        (7, 7.0),
        (2**53, float(2**53)),
        (1.5, 1.5),
        (1e300, 1e300),
        (["a", "b"], ("a", "b")),
        (Decimal("1.50"), 1.5),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.time(3, 4), "03:04:00"),
    ],
)
def test_a_value_that_a_column_can_hold_is_kept(value: Any, wanted: Any) -> None:
    assert kept({"column": value}) == ({"column": wanted}, [])


@pytest.mark.parametrize("value", [None, "", float("nan"), Decimal("NaN")])
def test_no_value_is_no_column(value: Any) -> None:
    assert kept({"column": value}) == ({}, [])


@pytest.mark.parametrize(
    ("value", "wanted", "remark"),
    [
        (2**53 + 1, "9007199254740993", "holds whole numbers of over 15 digits: they are kept as text."),
        ([1, 2.5], "[1, 2.5]", "holds lists that are not of texts alone: they are kept as text."),
        ({"a": [1]}, '{"a": [1]}', "holds objects: they are kept as text."),
        (datetime.timedelta(seconds=1), "0:00:01", "holds values of the type timedelta: they are kept as text."),
        (float("inf"), None, "holds infinite numbers: they are left out."),
        (b"x", None, "holds bytes: they are left out."),
        (["a", 1] * LONGEST_VALUE, None, "holds values of over 10,000 characters as text: they are left out."),
    ],
)
def test_any_other_value_is_kept_as_text_or_left_out_with_a_remark(value: Any, wanted: Any, remark: str) -> None:
    assert kept({"column": value}) == ({} if wanted is None else {"column": wanted}, [f"the column column {remark}"])


def test_a_column_that_no_filter_could_name_gets_the_nearest_name() -> None:
    metadata, remarks = kept({"photo credit": "Ann", "größe (cm)": 3, "": 0, "photo_credit": "Bo", "te xt": "t"})
    assert metadata == {"größe_cm": 3.0, "photo_credit": "Bo", "te_xt": "t"}
    assert remarks == [
        "the column 'photo credit' is left out: it cannot be kept under that name. Rename it to keep it.",
        "the column 'größe (cm)' is kept as größe_cm, a name that filters can say.",
        "the column '' is left out: it cannot be kept under that name. Rename it to keep it.",
        "the column 'te xt' is kept as te_xt, a name that filters can say.",
    ]


@pytest.mark.parametrize("name", ["!", "²", "---", ""])
def test_a_name_of_signs_alone_is_none(name: str) -> None:
    assert column_name(name) == ""


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["7", "8.50", "-1"], [7.0, 8.5, -1.0]),
        (["1e-05", "2e+20"], [1e-05, 2e20]),
        (["true", "False", ""], [True, False]),
        (["00417", "12"], ["00417", "12"]),
        (["12e5", "7"], ["12e5", "7"]),
        (["1_000", "7"], ["1_000", "7"]),
        (["+49", "7"], ["+49", "7"]),
        (["1234567890123456789", "7"], ["1234567890123456789", "7"]),
        (["inf", "7"], ["inf", "7"]),
        (["true", "7"], ["true", "7"]),
    ],
)
def test_a_csv_column_is_what_all_of_its_cells_are(tmp_path: Path, cells: list[str], wanted: list[Any]) -> None:
    path = tmp_path / "items.csv"
    path.write_text("id,text,column\n" + "".join(f"{k},t,{cell}\n" for k, cell in enumerate(cells)))
    entries = read_entries(str(path), report=refused)
    values = [entry.metadata["column"] for entry in entries if entry.metadata]
    assert values == wanted
    assert [type(value) is bool for value in values] == [type(value) is bool for value in wanted]


@pytest.mark.parametrize(
    ("value", "text"),
    [(Numeral.of(7.5, "7.50"), "7.50"), (7.0, "7"), (7.25, "7.25"), (True, "true"), (("a",), '["a"]'), ("x", "x")],
)
def test_a_value_as_text_is_as_it_was_written(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_a_numeral_keeps_its_text_on_the_way_to_another_process() -> None:
    assert text_of(pickle.loads(pickle.dumps(Numeral.of(7.5, "7.50")))) == "7.50"


def test_an_item_is_read_whatever_its_columns_are(tmp_path: Path) -> None:
    rows = {"id": ["a"], "text": ["t"], "": [0], "price": pyarrow.array([Decimal("1.50")]), "x-y": [[1, 2]]}
    pyarrow.parquet.write_table(pyarrow.table(rows), tmp_path / "items.parquet")
    (tmp_path / "items.jsonl").write_text(json.dumps({"id": "a", "text": "t", "size": float("nan"), "deep": {"a": 1}}))
    read = [next(read_entries(str(tmp_path / name), report=refused)) for name in ("items.parquet", "items.jsonl")]
    assert [dict(entry.metadata) for entry in read] == [{"price": 1.5, "x_y": "[1, 2]"}, {"deep": '{"a": 1}'}]


def test_an_item_has_so_many_columns_and_no_more() -> None:
    metadata, remarks = kept({f"c{k}": k for k in range(2000)})
    assert list(metadata) == [f"c{k}" for k in range(MOST_COLUMNS)]
    assert remarks == ["items have more than 100 columns: those after the first 100 are left out."]
