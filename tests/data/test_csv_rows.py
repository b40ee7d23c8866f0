"""CSV whose faults cost the line they are in."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diptych.data.checking import check_data
from diptych.data.csv_rows import CsvRow, read_csv_rows


def rows(text: str) -> list[CsvRow]:
    return list(read_csv_rows(io.StringIO(text, newline="")))


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=3)))
def test_what_a_program_writes_is_read_as_it_was(table: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["image", "text"], *table])
    assert [row.cells for row in rows(file.getvalue())] == [["image", "text"], *table]


@pytest.mark.parametrize(
    "rest", ["b.png,blue\nc.png,green\n", 'b.png,blue\nc.png,"green, dark"\n', 'b.png,"x ""y"""\n']
)
def test_a_quote_that_is_never_closed_costs_its_line_alone(rest: str) -> None:
    whole = rows("image,text\n" + rest)
    broken = rows('image,text\na.png,"red\n' + rest)
    assert broken[1] == CsvRow(2, [], "a quote is opened in it and never closed")
    assert [row.cells for row in broken[2:]] == [row.cells for row in whole[1:]]
    assert [row.line for row in broken[2:]] == [row.line + 1 for row in whole[1:]]


def test_a_quote_opened_in_the_last_line_is_told() -> None:
    assert rows('image,text\na.png,"red')[-1].fault == "a quote is opened in it and never closed"


def test_a_text_of_several_lines_is_one_cell() -> None:
    assert rows('image,text\na.png,"red\nand\nround"\nb.png,blue\n')[1:] == [
        CsvRow(4, ["a.png", "red\nand\nround"]),
        CsvRow(5, ["b.png", "blue"]),
    ]


def test_quotes_within_a_cell_are_read_as_they_stand() -> None:
    assert rows('image,text\na.png,"5" nails"\nb.png,6" nails\n')[1:] == [
        CsvRow(2, ["a.png", '5 nails"']),
        CsvRow(3, ["b.png", '6" nails']),
    ]


@pytest.mark.parametrize("sign", [";", "\t"])
def test_semicolons_and_tabs_part_cells_where_the_header_has_no_comma(sign: str) -> None:
    assert [row.cells for row in rows(f"image{sign}text\na.png{sign}red, round\n")] == [
        ["image", "text"],
        ["a.png", "red, round"],
    ]


def test_a_cell_that_is_too_long_costs_its_line_alone() -> None:
    _, long, last = rows("image,text\na.png," + "x" * 200_000 + "\nb.png,blue\n")
    assert long.fault.startswith("it cannot be read (field larger than field limit")
    assert last.cells == ["b.png", "blue"]


def test_data_check_finds_it(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text('id,image,text\n1,,one\n2,,"two\n3,,three\n')
    assert [str(finding) for finding in check_data(str(tmp_path)) if finding.kind == "bad line"] == [
        "manifest.csv, line 3: a quote is opened in it and never closed. "
        "Fix the quotes (one within a text is doubled); for long texts use a .jsonl or .parquet file."
    ]
