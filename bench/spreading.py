"""Measures what Ray costs and brings: encoding on 1 and 2 workers against the plain path, and filling a collection.

    OMP_WAIT_POLICY=PASSIVE python bench/spreading.py [--pictures 10000] [--encoder efficientnet-lite2] [--rounds 3]

overhead     how much longer an item takes with one worker that has all processors than on the plain path
scaling      the rate of as many workers as there are processors, one each, by that of one such worker and their number
machine      the same of plain processes without Ray, all at once: what the processors leave each other
efficiency   the rate of those workers by that of those processes: what Ray leaves of the processors there are
ingestion    the rate of a collection's filling on those workers by that on the plain path

All by turns in one run, so that ratios hold on a busy machine; the median of the rounds, with the range. Rates are
counted from the first block that was acknowledged on, when every encoder is open: starting Ray is told by itself.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from encoding import generated  # a neighbour in this folder

from diptych.cluster import Cluster
from diptych.collection import Collection
from diptych.encoders.cache import encode_items
from diptych.encoders.contract import Encoder
from diptych.encoders.registry import open_encoder
from diptych.encoders.spreading import spread
from diptych.ingest.upserting import AT_ONCE
from diptych.progress import Progress
from diptych.settings import THREAD_VARIABLES, environment, thread_count

LEAST_BLOCKS = 20
"""Fewer blocks would hide that the first ones of all workers come together."""


class Steady:
    """Progress that remembers when what was done."""

    def __init__(self) -> None:
        self._told: list[tuple[float, int]] = []

    def __call__(self, done: int, total: int, label: str) -> None:
        """Take part in progress."""
        if done:
            self._told.append((time.perf_counter(), done))

    @property
    def rate(self) -> float:
        """Items a second from the first acknowledged ones on."""
        (start, before), (end, after) = self._told[0], self._told[-1]
        return (after - before) / (end - start)


def rate_of(work: Callable[[Progress], object]) -> float:
    """Return the steady rate of work with an empty cache."""
    with TemporaryDirectory() as cache:
        os.environ["DIPTYCH_CACHE"] = cache
        progress = Steady()
        work(progress)
        return progress.rate


def encoding_on(cluster: Cluster, encoder: Encoder, paths: Sequence[Path]) -> float:
    """Return how many pictures a second a cluster encodes."""
    with cluster.connected() as connected:
        return rate_of(lambda progress: spread(connected, encoder, paths, progress=progress))


def part_rate(encoder: str, paths: Sequence[Path]) -> float:
    """Return how many pictures a second this process encodes by one thread."""
    torch.set_num_threads(1)
    opened = open_encoder(encoder)
    assert isinstance(opened, Encoder)
    return rate_of(lambda progress: encode_items(opened, paths, progress=progress))


def apart(encoder: str, paths: Sequence[Path], *, count: int, of: int) -> float:
    """Return how many pictures a second some plain processes encode at once, each of them one part of so many."""
    alone = dict.fromkeys((*THREAD_VARIABLES, "DIPTYCH_THREADS"), "1")
    with environment(alone), multiprocessing.get_context("spawn").Pool(count) as pool:
        return sum(pool.starmap(part_rate, [(encoder, paths[k::of]) for k in range(count)]))


def filling(encoder: str, folder: Path, cluster: Cluster | None) -> float:
    """Return how many pictures a second go into a new collection."""
    with TemporaryDirectory() as place:
        collection = Collection.create(f"{place}/collection", "conse", image_encoder=encoder)
        return rate_of(lambda progress: collection.add(str(folder), cluster=cluster, progress=progress))


def one_round(encoder: Encoder, folder: Path) -> dict[str, float]:
    """Return every rate once."""
    paths, cores = sorted(folder.iterdir()), thread_count()
    return {
        "plain": rate_of(lambda progress: encode_items(encoder, paths, progress=progress)),
        "one wide worker": encoding_on(Cluster(workers=(1, 1), cpus=float(cores)), encoder, paths),
        "one worker": encoding_on(Cluster(workers=(1, 1)), encoder, paths),
        "all workers": encoding_on(Cluster(workers=(cores, cores)), encoder, paths),
        "one process": apart(encoder.name, paths, count=1, of=cores),
        "all processes": apart(encoder.name, paths, count=cores, of=cores),
        "plain filling": filling(encoder.name, folder, None),
        "filling": filling(encoder.name, folder, Cluster(workers=(cores, cores))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--encoder", default="efficientnet-lite2")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.pictures < LEAST_BLOCKS * AT_ONCE:
        raise SystemExit(f"--pictures must be at least {LEAST_BLOCKS * AT_ONCE}: of a few blocks most come at once")
    encoder, cores = open_encoder(options.encoder), thread_count()
    if not isinstance(encoder, Encoder):
        raise SystemExit("--encoder must read pictures")
    with TemporaryDirectory() as folder:
        generated(Path(folder), options.pictures)
        start = time.perf_counter()
        with Cluster(workers=(cores, cores)).connected():
            started = time.perf_counter() - start
            rounds = [one_round(encoder, Path(folder)) for _ in range(options.rounds)]
    told = {"encoder": encoder.name, "pictures": options.pictures, "processors": cores, "rounds": options.rounds}
    print(json.dumps({**told, "load": round(os.getloadavg()[0], 1), "seconds_to_start_ray": round(started, 1)}))
    for name in rounds[0]:
        print(json.dumps({"rate": name, "pictures_a_second": round(median(each[name] for each in rounds), 1)}))
    ratios = {
        "overhead": [each["plain"] / each["one wide worker"] - 1 for each in rounds],
        "scaling": [each["all workers"] / (cores * each["one worker"]) for each in rounds],
        "machine": [each["all processes"] / (cores * each["one process"]) for each in rounds],
        "efficiency": [each["all workers"] / each["all processes"] for each in rounds],
        "ingestion": [each["filling"] / each["plain filling"] for each in rounds],
    }
    for name, values in ratios.items():
        print(json.dumps({name: round(median(values), 3), "range": [round(min(values), 3), round(max(values), 3)]}))


if __name__ == "__main__":
    main()
