import hashlib
import io
import json
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from .conftest import Diptych


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Return a manifest with an empty text and two pictures that are missing."""
    path = tmp_path / "faulty.jsonl"
    rows = [{"image": "a.png", "text": "one"}, {"image": "b.png", "text": "two"}, {"image": None, "text": " "}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_list_names_every_data_set_and_where_it_lies(diptych: Diptych, tmp_path: Path) -> None:
    (tmp_path / "rsicd").mkdir()
    done = diptych("data", "list", "--data-root", tmp_path)
    assert done.code == 0
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert "the installation" in lines["openmoji"]
    assert str(tmp_path / "rsicd") in lines["rsicd"]
    assert "not here: diptych data get coco" in lines["coco"]
    assert "give its path" in lines["folder"]


def test_list_for_machines_is_one_object_a_line(diptych: Diptych) -> None:
    entries = [json.loads(line) for line in diptych("data", "list", "--json").out.splitlines()]
    assert {"openmoji", "pascal-sentence", "rsicd", "wikipedia", "folder"} <= {entry["name"] for entry in entries}
    assert all(entry["title"] and entry["licence"] is not None for entry in entries)


def test_stats_count_pairs_splits_and_categories(diptych: Diptych, tiny_set: Path) -> None:
    out = diptych("data", "stats", tiny_set).out
    assert "train 16, val 4, test 4" in out
    assert "square" in out
    counts = json.loads(diptych("data", "stats", tiny_set, "--json").out)
    assert counts["pairs"] == 24
    assert counts["class_sizes"] == {"disc": 12, "square": 12}


def test_stats_draw_a_split_by_its_seed(diptych: Diptych, tiny_set: Path) -> None:
    counts = json.loads(diptych("data", "stats", tiny_set, "--split-seed", 3, "--json").out)
    assert counts["split_seed"] == 3
    assert counts["splits"] == {"train": 20, "val": 2, "test": 2}


def test_check_groups_what_it_finds_and_leaves_with_1(diptych: Diptych, faulty: Path) -> None:
    done = diptych("data", "check", faulty)
    assert done.code == 1
    assert "missing image (2)\n  faulty.jsonl, line 1: image 'a.png' does not exist." in done.out
    assert "empty text (1)\n" in done.out
    assert "problems of" in done.err


def test_check_of_a_sound_data_set_leaves_with_0(diptych: Diptych, tiny_set: Path) -> None:
    done = diptych("data", "check", tiny_set)
    assert (done.code, done.out) == (0, "")
    assert f"No problems in {tiny_set}." in done.err
    assert "pictures: 24 of 24" in done.err


def test_check_for_machines_is_one_finding_a_line(diptych: Diptych, faulty: Path) -> None:
    findings = [json.loads(line) for line in diptych("data", "check", faulty, "--json").out.splitlines()]
    assert {"kind", "where", "what", "do"} == findings[0].keys()
    assert [finding["kind"] for finding in findings].count("missing image") == 2


def test_get_downloads_verifies_and_says_where_it_lies(diptych: Diptych, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("pairs.jsonl", '{"image": null, "text": "one"}\n')
    served = tmp_path / "served"
    served.mkdir()
    (served / "small.zip").write_bytes(packed.getvalue())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=served)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/small.zip"
        right = hashlib.sha256(packed.getvalue()).hexdigest()
        refused = diptych("data", "get", address, "--sha256", "0" * 64, "--data-root", tmp_path / "sets")
        got = diptych("data", "get", address, "--sha256", right, "--data-root", tmp_path / "sets")
        server.shutdown()
    assert refused.code == 2
    assert "small.zip must have the SHA-256 000" in refused.err
    assert got.out == f"{tmp_path / 'sets' / 'small'}\n"
    assert (tmp_path / "sets" / "small" / "pairs.jsonl").is_file()


def test_get_offers_the_nearest_data_set(diptych: Diptych) -> None:
    done = diptych("data", "get", "cocoo")
    assert done.code == 2
    assert done.err == "Error: data get has no entry 'cocoo'. Did you mean 'coco'?\n"


def test_show_prints_a_pair_its_picture_alone_or_an_object(diptych: Diptych, tiny_set: Path) -> None:
    assert "a blue disc" in diptych("data", "show", tiny_set, "p4").out
    assert diptych("data", "show", tiny_set, "p4", "--picture").out == f"{tiny_set / '4.png'}\n"
    assert json.loads(diptych("data", "show", tiny_set, "p4", "--json").out)["categories"] == ["disc"]


def test_show_offers_the_nearest_id(diptych: Diptych, tiny_set: Path) -> None:
    assert "has no entry 'p99'. Did you mean 'p9'?" in diptych("data", "show", tiny_set, "p99").err
