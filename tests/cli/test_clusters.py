"""`diptych collection clusters` and `map`: tables, drawings and pages."""

import json
from pathlib import Path

from .conftest import Diptych


def test_clusters_are_told_drawn_and_written(diptych: Diptych, filled_shop: str) -> None:
    done = diptych("collection", "clusters", filled_shop, "-k", 3, "--column", "heap", "--save", "clusters.png")
    assert done.code == 0, done.err
    assert "typical" in done.out
    assert "Wrote heap of 24 items." in done.err
    assert "Saved the clusters to clusters.png." in done.err
    assert Path("clusters.png").stat().st_size > 1000
    lines = [
        json.loads(line) for line in diptych("collection", "clusters", filled_shop, "-k", 3, "--json").out.splitlines()
    ]
    assert [line["cluster"] for line in lines] == [1, 2, 3]
    assert sum(line["items"] for line in lines) == 24
    refused = diptych("collection", "clusters", filled_shop, "-k", 4, "--column", "heap")
    assert refused.code == 2
    assert "the column 'heap' has other values already" in refused.err
    assert diptych("collection", "clusters", filled_shop, "-k", 4, "--column", "heap", "--replace").code == 0
    assert "a drawing is saved as" in diptych("collection", "clusters", filled_shop, "--save", "clusters.html").err


def test_a_map_is_drawn_and_told(diptych: Diptych, filled_shop: str) -> None:
    done = diptych("collection", "map", filled_shop, "--save", "map.html")
    assert done.code == 0, done.err
    assert "Saved the map to map.html: 24 items; the plane holds" in done.err
    lines = [json.loads(line) for line in diptych("collection", "map", filled_shop, "--json").out.splitlines()]
    assert [sorted(line) for line in lines] == [["category", "id", "x", "y"]] * 24
    nothing = diptych("collection", "map", filled_shop)
    assert nothing.code == 2
    assert "name the file to draw, or ask for --json." in nothing.err
