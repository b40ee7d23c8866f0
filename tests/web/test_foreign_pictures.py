"""A service of a collection that somebody else made sends pictures from its own folders and from allowed ones alone."""

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Made, Serve, fault, png


@pytest.fixture
def foreign(made: Made, tmp_path: Path) -> Path:
    """Return a copy of the collection that nothing on this machine was added to."""
    place = shutil.copytree(made.place, tmp_path / "shop")
    record = json.loads((place / "record.json").read_text())
    (place / "record.json").write_text(json.dumps({**record, "id": "of somebody else"}))
    return place


def test_thumbnails_come_from_allowed_folders_alone(foreign: Path, serve: Serve, tiny_set: Path) -> None:
    with serve() as shop:
        answer = shop.client.get("/v1/collections/shop/thumbnails/p1")
        assert answer.status_code == 404
        assert "lies outside the collection's own folders" in fault(answer)["message"]
        assert str(tiny_set) not in answer.text
        assert shop.search().json()["hits"]
        assert shop.client.get("/v1/collections/shop/items/p1").json()["kind"] == "pair"
        assert shop.client.put("/v1/collections/shop/items/own", files={"image": png()}).status_code == 200
        assert shop.client.get("/v1/collections/shop/thumbnails/own").status_code == 200
    with serve(pictures_from=(str(tiny_set),)) as shop:
        assert shop.client.get("/v1/collections/shop/thumbnails/p1").status_code == 200
        assert shop.client.get("/v1/collections/shop/thumbnails/own").status_code == 200
