"""A benchmark's table as Markdown, LaTeX, CSV and JSON."""

import csv
import io
import json
from pathlib import Path

import pytest

from diptych.benchmark.published import NOTE, Figures
from diptych.benchmark.report import csv_text, latex, markdown, write_reports

from .tables import toy_table


def grid(text: str) -> list[list[str]]:
    """Return the cells of a Markdown table, without its ruler."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [rows[0], *rows[2:]]


def test_markdown_has_a_row_for_every_method_and_letters_say_who_is_ahead() -> None:
    headings, *rows = grid(markdown(toy_table()))
    assert headings == [
        "row", "method", "image → text", "text → image", "average", "rank", "seconds", "behind", "ahead of",
    ]  # fmt: skip
    assert rows[:3] == [
        ["a", "mcsm", "**.751**", "**.751**", "**.751**", "1.0", "1", "–", "c"],
        ["b", "cca", ".750", ".750", ".750", "2.0", "0.1", "–", "c"],
        ["c", "cfa", ".650", ".650", ".650", "3.0", "0.01", "a, b", "–"],
    ]
    assert rows[3][0].endswith("chance")


def test_neighbouring_letters_become_a_range() -> None:
    rows = grid(markdown(toy_table(["mcsm", "cca", "cfa", "jrl", "kcca"])))[1:]
    assert [row[-2:] for row in rows[:5]] == [["–", "c–e"], ["–", "c–e"], ["a, b", "d, e"], ["a–c", "e"], ["a–d", "–"]]


def test_several_splits_have_a_deviation() -> None:
    text = markdown(toy_table(splits=3))
    assert grid(text)[1][4] == "**.731** ± .020"
    assert "- Splits: 0, 1, 2" in text
    assert "small p-values are slightly optimistic" in text


def test_below_the_table_stands_what_must_be_known() -> None:
    protocol = {"search_budget": 6, "image_encoder": "vgg19", "features": None, "versions": {"torch": "2.6"}}
    text = markdown(toy_table(protocol=protocol, not_applicable=[("joint", "no hub | can be reached")]))
    for line in ("Data: tiny", "Split: 0", "Search budget: 6", "Image encoder: vgg19", "Versions: torch 2.6"):
        assert f"- {line}\n" in text
    assert "Features" not in text
    assert "paired randomisation test" in text
    assert "p \\< .01 after Holm's correction for 3 comparisons" in text
    assert "- joint: not applicable: no hub \\| can be reached" in text


def test_published_figures_are_marked_as_of_other_features() -> None:
    text = markdown(toy_table(["mcsm:paper", "cca"]), {"mcsm": Figures(0.5, 0.6, 0.55)})
    headings, *rows = grid(text)
    assert headings[-1] == "published, other features"
    assert [row[-1] for row in rows[:2]] == [".500 / .600 / .550", "–"]
    assert NOTE in text
    assert NOTE not in markdown(toy_table())


def test_a_name_cannot_break_a_markdown_table() -> None:
    assert r"| a | \<b\>\|\_x\* |" in markdown(toy_table(["<b>|_x*", "cca"]))


def test_latex_is_a_booktabs_table_with_the_best_in_bold() -> None:
    text = latex(toy_table(splits=2))
    assert r"\begin{tabular}{llrrrrrll}" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    assert (
        r"row & method & image $\to$ text & text $\to$ image & average & rank & seconds & behind & ahead of \\" in text
    )
    assert r"a & mcsm & \textbf{.741} & \textbf{.741} & \textbf{.741} $\pm$ .014 & 1.0 & 1 & -- & c \\" in text
    assert r"c & cfa & .640 & .640 & .640 $\pm$ .014 & 3.0 & 0.01 & a, b & -- \\" in text


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("a_b", r"a\_b"),
        ("50%", r"50\%"),
        ("a&b", r"a\&b"),
        ("{x}", r"\{x\}"),
        ("a\\b", r"a\textbackslash{}b"),
        ("a~b", r"a\textasciitilde{}b"),
    ],
)
def test_latex_escapes_what_it_would_take_for_its_own(name: str, escaped: str) -> None:
    assert f" & {escaped} & " in latex(toy_table([name, "cca"]))


def test_a_reason_of_two_lines_stays_a_comment() -> None:
    text = latex(toy_table(not_applicable=[("joint", "no hub\n\\input{x}")]))
    assert "\n% joint: not applicable: no hub \\input{x}\n" in text


def test_csv_parses_back_to_the_figures() -> None:
    table = toy_table(splits=2)
    rows = list(csv.DictReader(io.StringIO(csv_text(table))))
    assert [row["method"] for row in rows] == [row.method for row in table.rows]
    for read, row in zip(rows, table.rows, strict=True):
        assert float(read["average"]) == row.average
        assert float(read["image_to_text"]) == row.image_to_text
        assert (float(read["seconds"]) if read["seconds"] else None) == row.seconds
        assert tuple(read["significantly_below"].split()) == row.significantly_below
    assert float(rows[0]["std"]) == pytest.approx(0.02 / 2**0.5)


def test_every_report_is_written_and_nothing_else(tmp_path: Path) -> None:
    table = toy_table()
    write_reports(table, tmp_path / "out", {"mcsm": Figures(0.5, 0.6, 0.55)})
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"table.json", "table.md", "table.tex", "table.csv", "report.html"}
    assert json.loads((tmp_path / "out/table.json").read_text()) == table.as_dict()
    assert (tmp_path / "out/table.tex").read_text() == latex(table)
    for name in ("table.md", "report.html"):
        assert NOTE in (tmp_path / "out" / name).read_text()
