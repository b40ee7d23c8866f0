"""Collections as a user meets them: made, filled, looked at, searched, changed."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SMALL, Diptych

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop(diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a collection of all squares and discs."""
    monkeypatch.chdir(tmp_path)
    made = diptych("collection", "create", "shop", "--model", run)
    assert made.code == 0, made.err
    assert "Created an empty collection at shop. Fill it: diptych collection add shop FOLDER." in made.err
    added = diptych("collection", "add", "shop", tiny_set, "--json")
    assert json.loads(added.out) == {
        "added": 24,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "removed": 0,
        "notes": [],
        "rejects": None,
    }
    return Path("shop")


def test_a_collection_is_searched_listed_and_counted(diptych: Diptych, shop: Path) -> None:
    out = diptych("search", shop, "--text", "a red square", "-k", 3, "--where", "category = 'square'", "--json").out
    hits = json.loads(out)["hits"]
    assert [hit["categories"] for hit in hits] == [["square"]] * 3
    listed = diptych("collection", "list", shop, "--json", "-n", 2, "--where", "category = 'disc'").out.splitlines()
    assert [json.loads(line)["id"] for line in listed] == ["p0", "p10"]
    assert "p11" in diptych("collection", "list", shop, "--after", "p10", "-n", 1).out
    stats = json.loads(diptych("collection", "stats", shop, "--json").out)
    assert stats["items"] == stats["images"] == stats["texts"] == 24
    assert stats["columns"] == {"category": "text"}
    assert "exact, all items scanned" in diptych("collection", "stats", shop).out


def test_hits_are_shown_and_drawn(diptych: Diptych, shop: Path, tiny_set: Path) -> None:
    done = diptych("search", shop, "--image", tiny_set / "3.png", "--like", "p5", "--not", "blue", "--save", "hits.png")
    assert done.code == 0, done.err
    assert "similarity" in done.out
    assert Path("hits.png").stat().st_size > 1000


def test_items_are_taken_out(diptych: Diptych, shop: Path) -> None:
    assert json.loads(diptych("collection", "remove", shop, "p1", "p2", "--json").out) == {"removed": 2}
    assert "Removed 11 items." in diptych("collection", "remove", shop, "--where", "category = 'disc'").err
    assert diptych("collection", "compact", shop).code == 0
    assert json.loads(diptych("collection", "stats", shop, "--json").out)["items"] == 11
    assert "name items by id, or by a filter" in diptych("collection", "remove", shop).err


def test_json_lines_come_on_standard_input_and_rejects_set_the_exit_code(
    diptych: Diptych, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b'{"id": "n1", "text": "a green circle", "price": 3}\n{"id": "n2"}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    done = diptych("collection", "add", shop, "-", "--rejects", "left-out.jsonl")
    assert done.code == 1
    assert "Rejected 1 item; left-out.jsonl says why." in done.err
    assert "neither a picture nor a text" in Path("left-out.jsonl").read_text()
    out = diptych("search", shop, "--text", "a green circle", "--against", "text", "--where", "price < 5", "--json").out
    assert [hit["id"] for hit in json.loads(out)["hits"]] == ["n1"]


def test_a_folder_of_pictures_is_searchable_after_one_command(
    diptych: Diptych, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("1.png", "2.png"):
        shutil.copy(tiny_set / name, tmp_path / "photos")
    made = diptych("collection", "create", "photos", "--model", "conse", *SMALL, "--json")
    assert json.loads(made.out)["added"] == 2, made.err
    hits = json.loads(diptych("search", "photos", "--text", "a balloon", "--json").out)["hits"]
    assert sorted(hit["id"] for hit in hits) == ["1.png", "2.png"]


def test_without_a_model_the_best_that_is_reachable_is_taken_and_the_command_says_why(
    diptych: Diptych, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "downloads"))
    (tmp_path / "photos").mkdir()
    shutil.copy(tiny_set / "1.png", tmp_path / "photos")
    made = diptych("collection", "create", "photos")
    assert made.code == 0
    assert "Model: conse (ConSE: the class names that a packaged image network predicts), the best" in made.err
    assert "not siglip2: google/siglip2-base-patch16-224 is not a folder" in made.err
    assert json.loads(diptych("collection", "stats", "photos", "--json").out)["model"]["method"] == "conse"


def test_a_collection_moves_to_another_model(diptych: Diptych, shop: Path, run: Path) -> None:
    done = diptych("collection", "reencode", shop, "--model", "conse", *SMALL, "--json")
    assert json.loads(done.out)["added"] == 24, done.err
    assert json.loads(diptych("collection", "stats", shop, "--json").out)["model"]["method"] == "conse"


def test_options_of_another_kind_of_search_are_refused(diptych: Diptych, shop: Path, run: Path) -> None:
    done = diptych("search", shop, "--text", "a", "--split", "test")
    assert done.code == 2
    assert "--split" in done.err
    done = diptych("search", run, "--text", "a", "--model", run)
    assert done.code == 2
    assert "only for searches of a collection" in done.err


def test_what_is_no_collection_is_named(diptych: Diptych, tmp_path: Path) -> None:
    done = diptych("collection", "stats", tmp_path / "nothing")
    assert done.code == 2
    assert "there is no collection at" in done.err
    assert "schemes has no entry 'redis'" in diptych("collection", "stats", "redis://here").err


def test_a_killed_add_keeps_what_it_told_and_finishes_when_called_again(
    diptych: Diptych, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"{k:05}", "text": f"item number {k} of many"} for k in range(20_000)]
    Path("many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert diptych("collection", "create", "many", "--model", run).code == 0
    command = [sys.executable, "-c", FAST_PROGRESS, "collection", "add", "many", "many.jsonl"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as adding:
        assert adding.stderr is not None
        for line in adding.stderr:
            told = int(line.partition(": ")[2].partition(",")[0].replace(" items", "")) if "items: " in line else 0
            if told >= 256:
                adding.send_signal(signal.SIGKILL)
                break
    there = json.loads(diptych("collection", "stats", "many", "--json").out)["items"]
    assert told <= there < 20_000
    Path("few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[: there + 300]))
    again = json.loads(diptych("collection", "add", "many", "few.jsonl", "--json").out)
    assert again["unchanged"] == there
    assert again["added"] == 300
    assert json.loads(diptych("collection", "stats", "many", "--json").out)["items"] == there + 300


FAST_PROGRESS = """
import sys
from diptych import progress_shown
from diptych.cli import main
progress_shown.SECONDS_BETWEEN_LINES = 0
sys.argv[0] = "diptych"
main()
"""
