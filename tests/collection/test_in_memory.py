"""A collection in the memory of the process."""

import gc
import tempfile
from pathlib import Path

import pytest

from diptych.collection import Collection
from diptych.errors import MissingData
from diptych.retriever import Retriever

from .conftest import QUERY, MakeCollection, found


def test_it_answers_as_one_in_a_folder_does(run: Retriever, make: MakeCollection, tiny_set: Path) -> None:
    scratch = Collection.create("memory://answers", str(run.folder.path))
    scratch.add(str(tiny_set))
    shop = make(tiny_set)
    assert found(scratch, QUERY) == found(shop, QUERY)
    assert found(scratch, QUERY, where="category = 'square'") == found(shop, QUERY, where="category = 'square'")
    assert found(Collection.open("memory://answers"), QUERY) == found(shop, QUERY)
    scratch.drop()
    with pytest.raises(MissingData, match="there is no collection at memory://answers"):
        Collection.open("memory://answers")


def test_nothing_of_it_stays_on_the_disk(
    run: Retriever, own_cache: Path, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {path for path in own_cache.rglob("*") if path.parts[-2] in ("scans", "moments")}
    scratch = Collection.create("memory://traces", str(run.folder.path))
    scratch.add(str(tiny_set))
    assert found(scratch, QUERY)
    scratch.drop()
    del scratch
    gc.collect()
    assert {path for path in own_cache.rglob("*") if path.parts[-2] in ("scans", "moments")} == before
    assert not list(tmp_path.glob("diptych-*"))
