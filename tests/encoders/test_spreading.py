"""Encoding on Ray, against what one machine writes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diptych import catalogue
from diptych.cluster import Cluster
from diptych.data.sources import open_data
from diptych.encoders.cache import cache_folder, encode_items
from diptych.encoders.contract import Encoder
from diptych.encoders.registry import open_encoder
from diptych.encoders.spreading import EncoderOf, blocks_of, spread
from diptych.errors import BadSetting, MissingData
from tests.conftest import KillAWorker

SMALL = {"image_encoder": "efficientnet-lite0", "text_encoder": "glove", "settings": ("image_encoder.side=64",)}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return 96 pictures, all different."""
    folder, generator = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for k in range(96):
        Image.fromarray(generator.integers(0, 256, (80, 80, 3), dtype=np.uint8)).save(folder / f"{k:02}.png")
    return sorted(folder.iterdir())


def network(side: int) -> Encoder:
    encoder = open_encoder("efficientnet-lite0", [f"side={side}"])
    assert isinstance(encoder, Encoder)
    return encoder


def vectors(encoder: Encoder, items: list[Path]) -> tuple[bytes, bytes]:
    """Return all that the cache has of some items; nothing is encoded any more."""
    told: list[int] = []
    encoded = encode_items(encoder, items, progress=lambda done, total, label: told.append(done))
    assert not told, "the cache holds all"
    assert encoded.parts is not None
    return encoded.whole.tobytes(), np.concatenate([encoded.parts.sequence(k) for k in range(len(items))]).tobytes()


def shards(encoder: Encoder) -> int:
    return len(list(cache_folder(encoder).glob("*.json")))


def test_a_killed_worker_repeats_only_its_blocks_and_the_vectors_are_those_of_one_machine(
    ray_cluster: Cluster, killer: KillAWorker, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, side = network(300), ["side=300"]
    with ray_cluster.connected() as connected:
        spread(connected, encoder, pictures, settings=side, progress=killer)
    assert killer.killed
    assert killer.done < killer.total == 96, "there was work left when the worker died"
    assert not Path(f"/proc/{killer.killed}").exists()
    assert len(blocks_of(pictures, encoder, workers=2)) == 24
    # the block in the worker's hands may have been written already, and not yet told
    assert shards(encoder) in (24, 25)
    found = vectors(encoder, pictures)
    monkeypatch.setenv("DIPTYCH_CACHE", str(tmp_path / "alone"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as a worker has: sums of several threads are rounded otherwise
    try:
        encode_items(encoder, pictures)
    finally:
        torch.set_num_threads(threads)
    assert found == vectors(encoder, pictures)


def test_the_second_time_nothing_is_encoded(ray_cluster: Cluster, tiny_set: Path) -> None:
    encoder = network(64)
    once = catalogue.encode(str(tiny_set), **SMALL, cluster=ray_cluster)
    before = shards(encoder)
    again = catalogue.encode(str(tiny_set), **SMALL, cluster=ray_cluster)
    assert (once.pictures, once.texts) == (again.pictures, again.texts) == (24, 48)
    assert shards(encoder) == before
    alone = catalogue.encode(str(tiny_set), **SMALL)
    assert shards(encoder) == before
    assert (alone.image_encoder, alone.text_encoder) == (once.image_encoder, once.text_encoder)


def test_pictures_in_s3_have_the_vectors_of_their_files(ray_cluster: Cluster, tiny_set: Path, bucket: str) -> None:
    assert catalogue.encode(bucket, **SMALL, cluster=ray_cluster).pictures == 24
    files = [pair.image for pair in open_data(str(tiny_set)).pairs]
    vectors(network(64), files)


@pytest.mark.parametrize("form", ["tiny_tar", "tiny_parquet", "bucket"])
def test_without_ray_they_are_read_too(form: str, tiny_set: Path, request: pytest.FixtureRequest) -> None:
    assert catalogue.encode(str(request.getfixturevalue(form)), **SMALL).pictures == 24
    vectors(network(64), [pair.image for pair in open_data(str(tiny_set)).pairs])


def test_a_picture_that_is_gone_ends_the_work_with_its_name(
    ray_cluster: Cluster, pictures: list[Path], tmp_path: Path
) -> None:
    with ray_cluster.connected() as connected, pytest.raises(MissingData, match=r"the picture .*gone\.png"):
        spread(connected, network(64), [*pictures[:4], tmp_path / "gone.png"], settings=["side=64"])


def test_other_weights_on_a_worker_are_refused() -> None:
    with pytest.raises(BadSetting, match="differs between the workers and this process"):
        EncoderOf("efficientnet-lite0", (), "image", "0" * 16)()


@pytest.mark.parametrize(
    ("items", "workers", "sizes"),
    [(3, 2, [3]), (96, 2, [4] * 24), (1000, 2, [60] * 16 + [40]), (100_000, 2, [256] * 390 + [160])],
)
def test_blocks_are_whole_batches_of_at_most_a_shard(items: int, workers: int, sizes: list[int]) -> None:
    blocks = blocks_of([str(k) for k in range(items)], network(64), workers=workers)
    assert [len(block) for block in blocks] == sizes
