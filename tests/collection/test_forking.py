"""A process that was forked from one with a model, as by gunicorn, Celery or multiprocessing, searches too.

What Lance stores is refused there if the first process has read it: LanceDB does not survive such a fork.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diptych.collection import Collection
from diptych.retriever import Retriever

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120
"""How long a search in a forked process may take before it counts as hanging."""

REFUSAL = (
    "this process was forked from one that had already read or written a collection in a folder, which LanceDB does "
    "not survive. Search only after the fork, or start processes by spawn or forkserver."
)

SCRIPT = """
import faulthandler, json, multiprocessing, sys, warnings
warnings.simplefilter("ignore")  # LanceDB warns of every fork
import torch
from diptych.collection import Collection
from diptych.errors import StoreFailed
from diptych.retriever import Retriever

place, folder, picture, seconds = sys.argv[1:]
run, shop = Retriever.load(folder), Collection.open(place)
before = {"not read before": lambda: shop.search("a red square", k=5)}
searches = {
    "run": lambda: run.search(text="a red square", k=5),
    "picture": lambda: run.search(image=picture, k=5),
    "read before": lambda: shop.search("a red square", k=5),
    "loaded anew": lambda: Retriever.load(folder).search(text="a red square", k=5),
    "opened anew": lambda: Collection.open(place).search("a red square", k=5),
}

def found(search):
    return {hit.id: hit.similarity for hit in search().hits}

def forked(search, answers):
    faulthandler.dump_traceback_later(float(seconds), exit=True)
    try:
        answer = found(search)
    except StoreFailed as refusal:
        answer = str(refusal)
    answers.put((answer, torch.get_num_threads()))

fork = multiprocessing.get_context("fork")
shop.model.encode("text", ["a red square"])
torch.ones(2000, 2000) @ torch.ones(2000, 2000)
for name, search in {**before, **searches}.items():
    here, answers = None if name in before else found(search), fork.Queue()
    child = fork.Process(target=forked, args=(search, answers))
    child.start()
    try:
        there = answers.get(timeout=float(seconds) + 10)
    finally:
        child.join(10)
        child.kill()
    print(json.dumps([name, here or found(search), *there]), flush=True)
print(json.dumps(torch.get_num_threads()))
"""


@pytest.mark.parametrize("variables", [{"OMP_NUM_THREADS": "2"}, {"DIPTYCH_THREADS": "2"}, {"OMP_NUM_THREADS": "1"}])
def test_a_forked_process_searches_after_its_parent_has_searched(
    own_cache: Path, run: Retriever, shop: Collection, tiny_set: Path, variables: dict[str, str]
) -> None:
    names = ("DIPTYCH_THREADS", "OMP_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in names} | variables
    arguments = [shop.name, str(run.folder.path), str(tiny_set / "21.png"), str(SECONDS)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    *searches, threads = map(json.loads, done.stdout.splitlines())
    refused = ["read before", "opened anew"]
    assert [name for name, *_ in searches] == [
        "not read before",
        "run",
        "picture",
        "read before",
        "loaded anew",
        *refused[1:],
    ]
    for name, here, there, threads_there in searches:
        assert threads_there == 1
        if name in refused:
            assert there == REFUSAL
        else:
            assert there == pytest.approx(here, abs=1e-5)
    assert threads == int(*variables.values())
