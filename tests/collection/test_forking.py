"""A process that was forked from one that has searched, as by gunicorn, Celery or multiprocessing, searches too."""

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

SCRIPT = """
import faulthandler, json, multiprocessing, sys, warnings
warnings.simplefilter("ignore")  # LanceDB warns of every fork
import torch
from diptych.collection import Collection
from diptych.retriever import Retriever

place, folder, picture, seconds = sys.argv[1:]
run, shop = Retriever.load(folder), Collection.open(place)
searches = {
    "run": lambda: run.search(text="a red square", k=5),
    "picture": lambda: run.search(image=picture, k=5),
    "collection": lambda: shop.search("a red square", k=5),
    "loaded anew": lambda: Retriever.load(folder).search(text="a red square", k=5),
    "opened anew": lambda: Collection.open(place).search("a red square", k=5),
}

def found(search):
    return {hit.id: hit.similarity for hit in search().hits}

def forked(search, answers):
    faulthandler.dump_traceback_later(float(seconds), exit=True)
    answers.put((found(search), torch.get_num_threads()))

fork = multiprocessing.get_context("fork")
torch.ones(2000, 2000) @ torch.ones(2000, 2000)
for name, search in searches.items():
    here, answers = found(search), fork.Queue()
    child = fork.Process(target=forked, args=(search, answers))
    child.start()
    try:
        there = answers.get(timeout=float(seconds) + 10)
    finally:
        child.join(10)
        child.kill()
    print(json.dumps([name, here, *there]), flush=True)
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
    assert [name for name, *_ in searches] == ["run", "picture", "collection", "loaded anew", "opened anew"]
    for _, here, there, threads_there in searches:
        assert there == pytest.approx(here, abs=1e-5)
        assert threads_there == 1
    assert threads == int(*variables.values())
