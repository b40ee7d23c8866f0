"""One undisturbed tiny run, and the cache of features that all runs on the tiny data set share."""

from pathlib import Path

import pytest

from .killing import train


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared-cache")


@pytest.fixture
def cached(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Read and keep features in the shared cache, and compute with one thread."""
    monkeypatch.setenv("DIPTYCH_CACHE", str(shared_cache))
    monkeypatch.setenv("DIPTYCH_THREADS", "1")
    return shared_cache


@pytest.fixture(scope="session")
def undisturbed(tiny_set: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny run that nothing disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        return train(tiny_set, tmp_path_factory.mktemp("runs") / "undisturbed").folder.path
