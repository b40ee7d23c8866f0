"""`diptych collection export`: files named by what they hold."""

import json
from pathlib import Path

from pyarrow import parquet

from .conftest import Diptych


def test_items_are_written_with_and_without_vectors(diptych: Diptych, filled_shop: str) -> None:
    done = diptych("collection", "export", filled_shop, "--vectors", "out.parquet", "--rows", "out.csv")
    assert done.code == 0, done.err
    assert "Wrote 24 items to out.parquet." in done.err
    assert "Wrote 24 items to out.csv." in done.err
    assert parquet.read_table("out.parquet").num_rows == 24
    assert len(Path("out.csv").read_text().splitlines()) == 1 + 2 * 24
    some = diptych("collection", "export", filled_shop, "--rows", "some.jsonl", "--where", "id = 'p1'", "--json")
    assert json.loads(some.out) == {"file": "some.jsonl", "items": 1}


def test_a_file_of_another_kind_and_no_file_are_refused(diptych: Diptych, filled_shop: str) -> None:
    wrong = diptych("collection", "export", filled_shop, "--vectors", "out.csv", "--rows", "rows.csv")
    assert wrong.code == 2
    assert "must be a .parquet; got 'out.csv'." in wrong.err
    assert not Path("rows.csv").exists()
    assert (
        "must be a .csv or .jsonl; got 'out.txt'."
        in diptych("collection", "export", filled_shop, "--rows", "out.txt").err
    )
    assert "name the file to write." in diptych("collection", "export", filled_shop).err
