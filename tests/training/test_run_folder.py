import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diptych.errors import BadCheckpoint
from diptych.files import json_of, record_of
from diptych.fusion.record import ChosenRule, FusionRecord
from diptych.training.run_config import DataRecord, EncoderRecord, EncoderRecords, RunConfig, RunResult
from diptych.training.run_folder import RunFolder, differences

ENCODERS = EncoderRecords(EncoderRecord("vgg19", "1f"), EncoderRecord("given", None), ("image_encoder.side=64",))
CONFIG = RunConfig("mcsm", "paper", {"a": 1}, DataRecord("./t", "tiny", 3, "ab", "cd"), ENCODERS, 7, {"torch": "2"})
FUSION = FusionRecord("linear", "val", {"linear": ChosenRule(0.3, 0.5), "product": ChosenRule(None, 0.25)})
RESULT = RunResult({"image": 4, "classes": 2}, ("visual", "textual"), ("disc", "square"), 2, FUSION)


def a_config(**changes: Any) -> RunConfig:
    return replace(CONFIG, **changes)


def test_a_run_begins_and_ends(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.admit(a_config(), resume=False)
    folder.begin(a_config())
    assert not folder.finished
    assert folder.metrics() == []
    folder.checkpoint_file.write_bytes(b"")
    folder.end(RESULT)
    assert folder.finished
    assert folder.config() == a_config()
    assert folder.result() == RESULT
    assert {path.name for path in folder.path.iterdir()} == {"config.json", "result.json"}


def test_a_folder_that_holds_a_run_is_refused_unless_it_is_resumed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(a_config())
    with pytest.raises(
        BadCheckpoint, match=r"already holds a run. Continue it with --resume, or choose another folder"
    ):
        folder.admit(a_config(), resume=False)
    folder.admit(a_config(), resume=True)


def test_a_resumed_run_keeps_its_settings_and_tuples_count_as_lists(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(a_config(settings={"stages": (1, 2)}))
    folder.admit(a_config(settings={"stages": (1, 2)}), resume=True)
    with pytest.raises(BadCheckpoint, match=r"other settings \(settings.stages was \[1, 2\] and is now \[1, 3\]\)"):
        folder.admit(a_config(settings={"stages": (1, 3)}), resume=True)


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".model.safetensors.abc.safetensors").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    RunFolder(tmp_path).begin(a_config())
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "config.json"}


def test_what_is_not_a_run_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"is not a run folder: it has no config.json. Train it: diptych train"):
        RunFolder(tmp_path).config()
    folder = RunFolder(tmp_path)
    folder.begin(a_config())
    with pytest.raises(BadCheckpoint, match=r"is not a finished run: it has no result.json"):
        folder.result()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", r"config.json is not valid JSON .* Copy it again, or train again"),
        ("[1]", "config.json must hold an object with 'method'"),
        ('{"method": "mcsm"}', "config.json must hold an object with 'preset'. Copy it again, or train again"),
    ],
)
def test_a_broken_config_is_named_with_what_is_wrong(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(BadCheckpoint, match=fault):
        RunFolder(tmp_path).config()


def test_a_config_from_before_relevance_was_recorded_is_read_as_by_category() -> None:
    value = json_of(CONFIG)
    del value["relevant"], value["texts"]
    assert record_of(RunConfig, value) == CONFIG


def test_a_config_and_a_result_are_json_with_keys_in_a_fixed_order(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(CONFIG)
    folder.end(RESULT)
    assert json.dumps(json.loads(folder.config_file.read_text())) == (
        '{"method": "mcsm", "preset": "paper", "settings": {"a": 1}, '
        '"data": {"source": "./t", "name": "tiny", "split_seed": 3, "fingerprint": "ab", "splits": "cd", '
        '"columns": []}, '
        '"encoders": {"image": {"name": "vgg19", "fingerprint": "1f"}, "text": {"name": "given", "fingerprint": null}, '
        '"settings": ["image_encoder.side=64"]}, "seed": 7, "versions": {"torch": "2"}, "relevant": "category", '
        '"texts": "joined"}'
    )
    assert json.dumps(json.loads(folder.result_file.read_text())) == (
        '{"widths": {"image": 4, "classes": 2}, "spaces": ["visual", "textual"], "classes": ["disc", "square"], '
        '"epoch": 2, "fusion": {"rule": "linear", "chosen_on": "val", "rules": {'
        '"linear": {"weight": 0.3, "validation_map": 0.5}, "product": {"weight": null, "validation_map": 0.25}}}}'
    )


@pytest.mark.parametrize("data", [{"source": "./t"}, None, [1]])
def test_what_is_missing_within_a_config_is_named_too(data: object, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(CONFIG)
    folder.config_file.write_text(json.dumps(json_of(CONFIG) | {"data": data}))
    missing = "name" if isinstance(data, dict) else "source"
    with pytest.raises(BadCheckpoint, match=f"config.json must hold an object with '{missing}'. Copy it again, or"):
        folder.config()


def test_metrics_are_lines_of_json_and_broken_ones_are_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_metrics([{"epoch": 1}, {"epoch": 2}])
    assert folder.metrics_file.read_text() == '{"epoch": 1}\n{"epoch": 2}\n'
    assert folder.metrics() == [{"epoch": 1}, {"epoch": 2}]
    folder.metrics_file.write_text('{"epoch": 1}\n{"epo')
    with pytest.raises(BadCheckpoint, match=r"metrics.jsonl must hold one JSON object per line .* train again"):
        folder.metrics()


def test_differences_name_nested_and_absent_settings() -> None:
    assert differences({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 4}}) == [
        "a.c was 2 and is now 4",
        "d was 3 and is now None",
    ]
