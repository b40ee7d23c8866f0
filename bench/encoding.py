"""Measures what decoding and caching cost: the rate of `encode_items` as a share of the network's own rate.

Both are taken in one run, by turns, so that the ratio holds on a busy machine. Run it with a data set's folder, or
without one on generated photographs of 500 x 375 pixels:

    OMP_WAIT_POLICY=PASSIVE python bench/encoding.py [FOLDER] [--encoder efficientnet-lite2] [--pictures 512]
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

from diptych.encoders.cache import encode_items
from diptych.encoders.contract import Encoder
from diptych.encoders.opening import open_encoder

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


def whole_rate(encoder: Encoder, paths: Sequence[Path]) -> float:
    """Return how many pictures a second go from files into an empty cache."""
    with TemporaryDirectory() as cache:
        os.environ["DIPTYCH_CACHE"] = cache
        start = time.perf_counter()
        encode_items(encoder, paths)
        return len(paths) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--pictures", type=int, default=512)
    options = parser.parse_args()
    encoder = open_encoder(options.encoder)
    if not isinstance(encoder, Encoder) or encoder.modality != "image":
        parser.error(f"{options.encoder} is no image encoder")
    with TemporaryDirectory() as folder:
        found = sorted(options.folder.rglob("*.jpg")) if options.folder else generated(Path(folder), options.pictures)
        paths = found[:: max(1, len(found) // options.pictures)][: options.pictures]
        network_rate(encoder, paths[: encoder.batch])
        rates = [(network_rate(encoder, paths), whole_rate(encoder, paths)) for _ in range(ROUNDS)]
    share = median(whole / network for network, whole in rates)
    network, whole = (round(median(values), 1) for values in zip(*rates, strict=True))
    told = {"encoder": encoder.name, "pictures": len(paths), "network_rate": network, "whole_rate": whole}
    print(json.dumps({**told, "share": round(share, 3), "wanted": WANTED, "met": share >= WANTED}))


if __name__ == "__main__":
    main()
