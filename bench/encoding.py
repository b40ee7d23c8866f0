"""Measures what decoding, caching and keeping cost: rates from files on, as shares of the network's own rate.

    OMP_WAIT_POLICY=PASSIVE python bench/encoding.py [FOLDER] [--model conse] [--pictures 512]

network      pictures a second that the network alone takes in, decoded beforehand
cache        from files into an empty cache of features (`encode_items`)
collection   from files into a new collection, where they can be searched (`Collection.add`)

All are taken in one run, by turns, so that the shares hold on a busy machine: with a folder of pictures, or without one
on generated photographs of 500 x 375 pixels. `--model` is a run or a method without training, by its image encoder.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from diptych.collection import Collection
from diptych.collection.model import open_model
from diptych.encoders.cache import encode_items
from diptych.encoders.contract import Encoder

WANTED = 0.85
ROUNDS = 3


def generated(folder: Path, count: int) -> list[Path]:
    """Return JPEGs of smoothed noise: as large on disk, and as slow to decode, as photographs."""
    generator = np.random.default_rng(0)
    paths = [folder / f"{k}.jpg" for k in range(count)]
    for path in paths:
        coarse = Image.fromarray(generator.integers(0, 256, (94, 125, 3), dtype=np.uint8))
        coarse.resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)
    return paths


def network_rate(encoder: Encoder, paths: Sequence[Path]) -> float:
    """Return how many pictures a second the network alone takes in, decoded beforehand."""
    prepared = [encoder.prepare(path) for path in paths]
    start = time.perf_counter()
    for first in range(0, len(prepared), encoder.batch):
        encoder.encode(prepared[first : first + encoder.batch])
    return len(paths) / (time.perf_counter() - start)


def cache_rate(encoder: Encoder, paths: Sequence[Path]) -> float:
    """Return how many pictures a second go from files into an empty cache."""
    with TemporaryDirectory() as cache:
        os.environ["DIPTYCH_CACHE"] = cache
        start = time.perf_counter()
        encode_items(encoder, paths)
        return len(paths) / (time.perf_counter() - start)


def collection_rate(model: str, paths: Sequence[Path]) -> float:
    """Return how many pictures a second go from files into a new collection, the encoder's start left out."""
    with TemporaryDirectory() as folder:
        collection = Collection.create(f"{folder}/collection", model=model)
        collection.add(str(paths[0]))
        start = time.perf_counter()
        collection.add(*map(str, paths[1:]))
        return (len(paths) - 1) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--model", default="conse")
    parser.add_argument("--pictures", type=int, default=512)
    options = parser.parse_args()
    encoder = open_model(options.model).encoder("image")
    with TemporaryDirectory() as folder:
        found = sorted(options.folder.rglob("*.jpg")) if options.folder else generated(Path(folder), options.pictures)
        paths = found[:: max(1, len(found) // options.pictures)][: options.pictures]
        network_rate(encoder, paths[: encoder.batch])
        rounds = [
            {
                "network": network_rate(encoder, paths),
                "cache": cache_rate(encoder, paths),
                "collection": collection_rate(options.model, paths),
            }
            for _ in range(ROUNDS)
        ]
    print(json.dumps({"encoder": encoder.name, "pictures": len(paths), "wanted_share": WANTED}))
    for name in rounds[0]:
        rate = median(rates[name] for rates in rounds)
        share = median(rates[name] / rates["network"] for rates in rounds)
        print(json.dumps({"rate": name, "pictures_a_second": round(rate, 1), "share": round(share, 3)}))


if __name__ == "__main__":
    main()
