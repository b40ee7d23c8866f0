"""A run tells where its data and encoders lie in a way that holds from everywhere."""

from pathlib import Path

import pytest

from diptych.training.data_source import DataSource
from diptych.training.locating import located, located_encoder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with a folder of data, a file of words and a built-in set in a root of its own."""
    monkeypatch.chdir(tmp_path)
    for folder in ("pics", "root/pascal_sentence", "network"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "news.bin").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("pics", "{}/pics"),
        ("./pics/../pics", "{}/pics"),
        ("shards/*.tar", "{}/shards/*.tar"),
        ("pascal-sentence:root/pascal_sentence", "pascal-sentence:{}/root/pascal_sentence"),
        ("Pascal_Sentence:root/pascal_sentence", "pascal-sentence:{}/root/pascal_sentence"),
        ("s3://shop/*.tar", "s3://shop/*.tar"),
        ("openmoji", "openmoji"),
        ("pascal-sentence", "pascal-sentence"),
        ("nothing-of-that-name", "nothing-of-that-name"),
    ],
)
def test_local_paths_become_absolute_and_names_and_urls_stay(data: str, told: str, here: Path) -> None:
    assert located(data) == told.format(here)


def test_a_named_set_in_a_root_is_told_with_its_folder(here: Path) -> None:
    for root in (Path("root"), here / "root"):
        assert located("pascal-sentence", root) == f"pascal-sentence:{here}/root/pascal_sentence"
        assert located("rsicd", root) == "rsicd"
        assert located("openmoji", root) == "openmoji"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("word2vec:news.bin", "word2vec:{}/news.bin"),
        ("transformers:network", "transformers:{}/network"),
        ("timm:local-dir:network", "timm:local-dir:{}/network"),
        ("transformers:someone/network", "transformers:someone/network"),
        ("minilm", "minilm"),
    ],
)
def test_files_and_folders_of_encoders_become_absolute(name: str, told: str, here: Path) -> None:
    assert located_encoder(name) == told.format(here)
    source = DataSource("pics", None, None, name, "glove").located()
    assert (source.data, *source.encoders) == (f"{here}/pics", told.format(here), "glove")
