"""Public functions take what a person would pass, or say in a sentence what they want."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diptych import open_data
from diptych.collection import Collection, StoredCollection, is_collection
from diptych.data.checking import check_data
from diptych.errors import BadImage, BadSetting, MissingData
from diptych.explaining.explanation import save_explanations
from diptych.retriever import Retriever

from .conftest import QUERY, MakeCollection, found, items_file

ROOT = Path(__file__).resolve().parents[2]


def test_one_text_where_texts_are_meant_is_one_text(own_cache: Path, make: MakeCollection, tmp_path: Path) -> None:
    rows = [{"id": name, "text": f"number {name}"} for name in ("1", "2", "12")]
    collection = make(items_file(tmp_path, *rows))
    assert found(collection, QUERY, without="number") == found(collection, QUERY, without=["number"])
    assert collection.remove("12") == 1
    assert collection.ids() == ["1", "2"]
    assert collection.remove(["1", "2"]) == 2


def test_a_collection_is_made_filled_and_opened_by_texts_and_by_paths(
    own_cache: Path, run: Retriever, tiny_set: Path, tmp_path: Path
) -> None:
    answers = []
    for kind in (str, Path):
        place, rejects = kind(tmp_path / kind.__name__), kind(tmp_path / f"{kind.__name__}.jsonl")
        with Collection.create(place, kind(run.folder.path)) as collection:
            assert collection.add(kind(tiny_set), rejects=rejects, data_root=kind(tmp_path)).added == 24
            bad = items_file(tmp_path, {"id": "bad", "text": ""})
            assert collection.add(kind(bad), rejects=rejects).rejected == 1
            assert Path(rejects).is_file()
            with pytest.raises(BadSetting, match="is already the model of this collection"):
                collection.reencode(kind(run.folder.path), rejects=rejects)
        assert is_collection(place)
        assert len(StoredCollection.at(place).ids()) == 24
        with Collection.open(place, model=kind(run.folder.path)) as collection:
            answers.append(found(collection, image=kind(tiny_set / "21.png"), against="image"))
            page = kind(tmp_path / "why.html")
            collection.explain("p21", text=QUERY).save(page)
            save_explanations([collection.explain("p21", text=QUERY)], page)
            assert Path(page).is_file()
    assert answers[0] == answers[1]
    assert answers[0][0] == "p21"


def test_a_run_is_trained_loaded_and_asked_by_texts_and_by_paths(
    own_cache: Path, run: Retriever, tiny_set: Path, tmp_path: Path
) -> None:
    for kind in (str, Path):
        own = kind(tmp_path / kind.__name__)
        Retriever.train(
            "cca", kind(tiny_set), out=own, settings="image_encoder.side=64", image_encoder="efficientnet-lite0"
        )
        loaded = Retriever.load(own)
        assert len(loaded.open_data(kind(tiny_set), data_root=kind(tmp_path)).pairs) == 24
        loaded.evaluate(kind(tiny_set), save=kind(tmp_path / "evaluation")).save(kind(tmp_path / "again"))
        assert (tmp_path / "again" / "evaluation.json").is_file()
        loaded.search(kind(tiny_set), image=kind(tiny_set / "21.png"), k=2).save(kind(tmp_path / "hits.png"))
        assert (tmp_path / "hits.png").is_file()
        assert len(open_data(kind(tiny_set), root=kind(tmp_path)).pairs) == 24
        assert isinstance(check_data(kind(tiny_set)), list)
    assert run.explain(str(tiny_set / "21.png"), QUERY).text == QUERY


def pictured(path: Path) -> list[Any]:
    """Return a picture as a file, bytes, a picture of Pillow and an array."""
    with Image.open(path) as image:
        image.load()
        return [path, path.read_bytes(), image.copy(), np.asarray(image.convert("RGB"))]


def test_a_picture_in_memory_is_searched_with_as_its_file_is(
    own_cache: Path, run: Retriever, shop: Collection, tiny_set: Path, tmp_path: Path
) -> None:
    searches: list[Callable[..., Any]] = [run.search, shop.search]
    for search in searches:
        of_file, *others = [search(image=each, against="image", k=3) for each in pictured(tiny_set / "21.png")]
        assert of_file.hits[0].id == "p21"
        for each in others:
            assert each.hits == of_file.hits
            assert json.loads(json.dumps(each.as_dict()))["query"].startswith("picture ")
            each.save(tmp_path / "hits.png")
            of_file.save(tmp_path / "of-file.png")
            assert (tmp_path / "hits.png").read_bytes() == (tmp_path / "of-file.png").read_bytes()


def test_a_picture_in_memory_is_explained_as_its_file_is(
    own_cache: Path, run: Retriever, shop: Collection, tiny_set: Path, tmp_path: Path
) -> None:
    ways: list[Callable[[Any], Any]] = [
        lambda image: run.explain(image, QUERY),
        lambda image: shop.explain(text=QUERY, image=image),
        lambda image: shop.explain("p3", image=image, against="text"),
        lambda image: shop.explain("p3", image=image, against="image"),
    ]
    for way in ways:
        of_file, *others = [way(each) for each in pictured(tiny_set / "21.png")]
        for each in others:
            assert each.as_record() == of_file.as_record()
            each.save(tmp_path / "why.png")


def test_bytes_that_are_no_picture_and_a_path_without_a_file_are_refused(
    own_cache: Path, run: Retriever, shop: Collection
) -> None:
    for search in (run.search, shop.search):
        with pytest.raises(BadImage, match=r"picture 'picture [0-9a-f]{12}' cannot be decoded"):
            search(image=b"no picture")
        with pytest.raises(MissingData, match=r"the picture to search with, 'nowhere\.png', is not a file"):
            search(image="nowhere.png")


NO_DATA = "data must be a name, a path, a data frame, a data set of Hugging Face or a list of dicts; got 5."


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda shop, run: shop.remove([1]), "ids must be a text or a list of texts; got [1]."),
        (lambda shop, run: shop.remove(where=3), "where must be a text or None; got 3."),
        (lambda shop, run: shop.ids(where=3), "where must be a text or None; got 3."),
        (lambda shop, run: shop.items(limit=1.5), "limit must be a whole number or None; got 1.5."),
        (lambda shop, run: shop.add(5), NO_DATA),
        (lambda shop, run: shop.add("a", rejects=5), "rejects must be a text or a path or None; got 5."),
        (lambda shop, run: shop.add("a", cluster="ray"), "cluster must be a Cluster or None; got 'ray'."),
        (lambda shop, run: shop.explain(5), "identity must be a text or None; got 5."),
        (lambda shop, run: shop.put([{"id": "a"}]), "items must be a list of NewItem; got [{'id': 'a'}]."),
        (lambda shop, run: shop.search_many("a"), "requests must be a list of SearchRequest; got 'a'."),
        (lambda shop, run: Collection.open(5), "uri must be a text or a path; got 5."),
        (lambda shop, run: Collection.create("c", "conse", recall="x"), "recall must be a number; got 'x'."),
        (lambda shop, run: StoredCollection.at(5), "uri must be a text or a path; got 5."),
        (lambda shop, run: run.search(5, text="a"), NO_DATA),
        (lambda shop, run: run.evaluate(split=5), "split must be a text; got 5."),
        (lambda shop, run: run.audit_explanations(pairs="3"), "pairs must be a whole number or None; got '3'."),
        (lambda shop, run: Retriever.load(5), "run must be a text or a path; got 5."),
        (lambda shop, run: Retriever.train("cca", 5, out="r"), NO_DATA),
        (lambda shop, run: Retriever.train("cca", "d", out=5), "out must be a text or a path; got 5."),
        (lambda shop, run: Retriever.train("cca", "d", out="r", seed="0"), "seed must be a whole number; got '0'."),
        (lambda shop, run: open_data(5), NO_DATA),
        (lambda shop, run: check_data(5), "name_or_path must be a text or a path; got 5."),
        (lambda shop, run: shop.search(QUERY).save(5), "path must be a text or a path; got 5."),
        (lambda shop, run: shop.explain("p1", text="a").save(5), "path must be a text or a path; got 5."),
        (
            lambda shop, run: run.explain(5, "a"),
            "image must be the path of a picture, its bytes, a picture of Pillow or an array of height x width x 3, "
            "uint8; got 5.",
        ),
    ],
)
def test_what_is_of_another_type_is_refused_in_a_sentence(
    own_cache: Path, shop: Collection, run: Retriever, call: Callable[[Any, Any], object], sentence: str
) -> None:
    with pytest.raises(BadSetting) as refusal:
        call(shop, run)
    assert str(refusal.value) == sentence


OUTSIDE = """
import sys
from diptych.collection import Collection
from diptych.errors import DiptychError
from diptych.retriever import Retriever
shop, run = Collection.open(sys.argv[1]), Retriever.load(sys.argv[2])
wrong = [{"text": 5}, {"text": "a", "k": 1.5}, {"text": "a", "k": True}, {"image": 5}, {"text": "a", "where": 3}]
for options in wrong:
    for search in (shop.search, run.search):
        try:
            search(**options)
        except DiptychError as error:
            print(error)
"""


def test_a_search_refuses_values_of_another_type_outside_of_tests(
    own_cache: Path, shop: Collection, run: Retriever
) -> None:
    """Annotations are checked in tests alone, so the same is asked in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", OUTSIDE, shop.name, str(run.folder.path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    image = (
        "image must be the path of a picture, its bytes, a picture of Pillow or an array of height x width x 3, uint8"
    )
    assert done.stdout.splitlines() == [
        each
        for sentence in (
            "text must be a text or None; got 5.",
            "k must be a whole number; got 1.5.",
            "k must be a whole number; got True.",
            f"{image}; got 5.",
            "where must be a text or None; got 3.",
        )
        for each in (sentence, sentence)
    ]
