"""The table of partner retrieval: what it counts, how it is tested, and where it stands."""

import csv
import io
from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from diptych.benchmark.cell import DIRECTIONS, Cell
from diptych.benchmark.page import html_page, summary
from diptych.benchmark.partner_retrieval import hits, partner_table
from diptych.benchmark.report import csv_text, latex, markdown
from diptych.benchmark.table import tabulate
from diptych.measures.chance import chance_ndcg
from diptych.measures.partners import median_rank, recall_at

from .cells import cell
from .test_grid import benchmark

QUERIES = 40


def ranked(method: str, ranks: np.ndarray, *, relevant: str = "category", ap: float = 0.5, split: int = 0) -> Cell:
    """Return a cell whose queries' partners have these ranks in both directions."""
    plain = cell(method, queries=len(ranks), split=split, ap=ap)
    own = {"map": 0.5, **{f"r@{k}": recall_at(ranks, k=k) for k in (1, 5, 10)}, "median_rank": median_rank(ranks)}
    figures = {**plain.figures, **{d: {**own, "ndcg@10": 0.25} for d in DIRECTIONS}, "relevant": relevant}
    return replace(plain, figures=figures, rank={d: tuple(map(float, ranks)) for d in DIRECTIONS})


@pytest.fixture
def good() -> np.ndarray:
    return np.arange(QUERIES) % 8 + 1.0


def test_a_query_hits_at_every_rank_that_its_partner_reaches() -> None:
    assert hits(ranked("mcsm", np.array([1.0, 2.0, 5.0, 6.0, 10.0, 11.0])), "image_to_text").tolist() == [
        3,
        2,
        2,
        1,
        1,
        0,
    ]
    missing = replace(ranked("mcsm", np.array([1.0, 1.0])), rank=dict.fromkeys(DIRECTIONS, (None, 1.0)))
    assert np.isnan(hits(missing, "text_to_image")).tolist() == [True, False]


def test_the_sum_of_the_recalls_has_its_standard_error_and_its_own_test(good: np.ndarray) -> None:
    table = partner_table({"cca": [ranked("cca", good + 6)], "mcsm": [ranked("mcsm", good)]}, level=0.01)
    assert table is not None
    first, second, third = table.rows
    assert third.name == "chance"
    assert (first.name, second.name) == ("mcsm", "cca")
    assert first.recall_sum == pytest.approx(2 * sum((good <= k).mean() for k in (1, 5, 10)))
    own = np.sum([good <= k for k in (1, 5, 10)], axis=0)
    assert first.standard_error == pytest.approx(sqrt(2 * own.var(ddof=1) / QUERIES))
    assert first.figures["image_to_text"]["median_rank"] == 4.5
    assert (first.significantly_below, second.significantly_below) == ((), ("mcsm",))


def test_chance_has_a_row_with_several_texts_of_a_picture_and_shared_categories(good: np.ndarray) -> None:
    plain = ranked("mcsm", good)
    texts = replace(
        plain,
        owner=tuple(np.repeat(np.arange(QUERIES), 2).tolist()),
        rank={"image_to_text": plain.rank["image_to_text"], "text_to_image": plain.rank["text_to_image"] * 2},
    )
    table = partner_table({"mcsm": [texts]}, level=0.01)
    assert table is not None
    row = table.rows[-1]
    assert (row.name, row.standard_error, row.significantly_below) == ("chance", None, ())
    into, back = (row.figures[direction] for direction in DIRECTIONS)
    assert into["r@1"] == pytest.approx(2 / 80)
    assert back["r@5"] == pytest.approx(5 / 40)
    assert back["median_rank"] == 20
    assert row.recall_sum == pytest.approx(sum(own[f"r@{k}"] for own in (into, back) for k in (1, 5, 10)))
    # CATEGORIES repeat every four items: cat, dog, both, none; the partner of one with none is relevant alone
    relevant = np.tile([20, 20, 30, 1], QUERIES // 4)
    assert back["ndcg@10"] == pytest.approx(chance_ndcg(np.repeat(relevant, 2), gallery=QUERIES, k=10))
    partners_only = replace(texts, figures={**texts.figures, "relevant": "partner"})
    other = partner_table({"mcsm": [partners_only]}, level=0.01)
    assert other is not None
    assert other.rows[-1].figures["text_to_image"]["ndcg@10"] == pytest.approx(
        chance_ndcg(np.ones(80, dtype=int), gallery=QUERIES, k=10)
    )


def test_without_ranks_there_is_no_table(good: np.ndarray) -> None:
    assert partner_table({"mcsm": [cell("mcsm")], "cca": [ranked("cca", good)]}) is None
    table = tabulate([cell("mcsm")], protocol={})
    assert table.partners is None
    assert table.as_dict()["partners"] is None
    assert "R@1" not in markdown(table)


@pytest.mark.parametrize(("relevant", "first"), [("category", "average"), ("partner", "R@1"), ("both", "average")])
def test_what_counts_as_right_decides_which_table_comes_first(relevant: str, first: str, good: np.ndarray) -> None:
    cells = [
        ranked("cca", good + 6, relevant=relevant, ap=0.7),
        ranked("mcsm", good, relevant=relevant, ap=0.5),
    ]
    table = tabulate(cells, protocol={"search_budget": 1})
    text = markdown(table)
    assert first in text.splitlines()[0]
    heads = [line for line in text.splitlines() if line.startswith("| row")]
    assert len(heads) == 2
    best = "mcsm comes first of 2 with a sum" if relevant == "partner" else "cca comes first of 2 with an average MAP"
    assert summary(table).startswith(best)
    page = html_page(table)
    assert (page.index('id="partners"') < page.index('id="results"')) == (relevant == "partner")
    assert latex(table).count(r"\begin{tabular}") == 2
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(csv_text(table)))}
    assert float(rows["mcsm"]["recall_sum"]) == pytest.approx(table.partners.rows[0].recall_sum)  # type: ignore[union-attr]  # it has ranks
    assert float(rows["chance"]["recall_sum"]) == pytest.approx(2 * (1 + 5 + 10) / QUERIES)
    assert rows["chance"]["recall_sum_se"] == ""


def test_texts_of_one_pair_are_queries_of_its_categories_each(good: np.ndarray) -> None:
    own = replace(
        ranked("mcsm", good[:2]),
        ids=("p", "q"),
        categories=(("cat",), ("dog",)),
        owner=(0, 0, 1),
        ap={"image_to_text": (0.2, 0.4), "text_to_image": (0.6, 0.8, 0.9)},
        rank={"image_to_text": (1.0, 1.0), "text_to_image": (1.0, 2.0, 3.0)},
    )
    assert (own.pairs("image_to_text"), own.pairs("text_to_image")) == ((0, 1), (0, 0, 1))
    categories = tabulate([own], protocol={}).categories["mcsm"]
    assert categories == pytest.approx({"cat": (0.2 + 0.6 + 0.8) / 3, "dog": (0.4 + 0.9) / 2})


def test_a_benchmark_by_partner_makes_every_text_an_item_and_chooses_by_recall(tiny_set: Path, tmp_path: Path) -> None:
    grid = benchmark(tiny_set, tmp_path / "out", methods=("cca", "cfa"))
    grid = replace(grid, source=replace(grid.source, relevant="partner"))
    table = grid.run(jobs=1)
    assert table.relevant == "partner"
    assert table.partners is not None
    assert {row.name for row in table.partners.rows} == {"cca", "cfa", "chance"}
    for own in (Cell.read(file) for file in (tmp_path / "out" / "cells").glob("*/*.json")):
        assert (own.figures["relevant"], own.figures["texts"]) == ("partner", "each")
        assert (len(own.rank["image_to_text"]), len(own.rank["text_to_image"]), len(own.owner)) == (4, 8, 8)
        assert own.best.validation == max(fit.validation for fit in own.fits if fit.validation is not None)
        assert 0 <= own.best.validation <= 1  # type: ignore[operator]  # the best fit has one
    again = grid.run(jobs=1)
    assert again.partners == table.partners
