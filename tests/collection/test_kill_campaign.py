"""A hundred commands killed at random: none loses what it acknowledged, and a repeated one ends as if undisturbed."""

import base64
import io
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from PIL import Image

from diptych.collection import StoredCollection
from diptych.encoders.shards import ShardFolder
from diptych.index.address import open_store
from tests.web.processes import free_port

from .conftest import SETTINGS, items_file
from .killed_commands import Commands, Course, files_in, told

KILLS = int(os.environ.get("DIPTYCH_TEST_KILLS", "100"))
"""How many commands are killed in all."""
SEED = int(os.environ.get("DIPTYCH_TEST_SEED", "0"))
ITEMS = 200
ENCODERS = ("--image-encoder", "efficientnet-lite0", "--text-encoder", "glove")
SET = [word for setting in SETTINGS for word in ("--set", setting)]
LATE = 20
"""How often a command may end before the moment of its death, for each that is killed."""

CHANGED = ("shop", "features", "trained")
"""The folders that commands change."""

Outcome = dict[str, Any]


@dataclass(frozen=True)
class Workshop:
    """What commands work on."""

    commands: Commands
    data: Path
    cache: Path
    folder: Path
    run: Path
    other: Path
    items: Path
    """A manifest of many texts and some pictures."""

    @property
    def shop(self) -> Path:
        """The collection that commands change; always the same path, so that paths in it can be compared."""
        return self.folder / CHANGED[0]

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def call(self, *words: object) -> None:
        """Run a command that must succeed."""
        assert self.commands.run(list(words), self.log) == 0, self.log.read_text()

    def begin_with(self, made: str) -> None:
        """Put a collection, or nothing, in the place of the one that was changed."""
        shutil.rmtree(self.shop, ignore_errors=True)
        if made:
            shutil.copytree(self.folder / made, self.shop)


@pytest.fixture(scope="session")
def workshop(tiny_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Return two runs, and collections that are empty, full, and full of what was replaced and removed."""
    folder = tmp_path_factory.mktemp("workshop")
    rows: list[dict[str, Any]] = [{"id": f"t{k:03}", "text": f"a text, number {k}", "n": k} for k in range(ITEMS)]
    for k in range(0, 24, 2):
        shutil.copy(tiny_set / f"{k}.png", folder)
        rows.insert(k * 8, {"id": f"p{k:03}", "image": f"{k}.png", "text": f"picture {k}", "n": k})
    items = items_file(folder, *rows)
    commands = Commands(folder / "cache")
    made = Workshop(commands, tiny_set, folder / "cache", folder, folder / "run", folder / "other", items)
    try:
        made.call("train", "mcsm", "--data", tiny_set, "--out", made.run, *ENCODERS, *SET)
        made.call("train", "mcsm", "--data", tiny_set, "--out", made.other, "--seed", 1, *ENCODERS, *SET)
        made.call("collection", "create", made.shop, "--model", made.run)
        shutil.copytree(made.shop, folder / "empty")
        made.call("collection", "add", made.shop, items)
        shutil.copytree(made.shop, folder / "full")
        newer = items_file(folder, *({**row, "n": row["n"] + 1} for row in rows[::3]), name="newer.jsonl")
        made.call("collection", "add", made.shop, newer)
        made.call("collection", "remove", made.shop, "--where", "n > 150")
        shutil.copytree(made.shop, folder / "worn")
        yield made
    finally:
        commands.close()


def stored(place: Path) -> Outcome:
    """Return everything that a collection holds, item by item, with the vectors' bits, and which model filled it."""
    with StoredCollection.at(place) as collection:
        record = collection.record
    store = open_store(str(place))
    table = store.table(record.table)
    read = table.read(table.ids(), vectors=("image", "text"))
    store.close()
    assert len(set(read.ids)) == len(read) == len(table.contents())
    items = {}
    for k, identity in enumerate(read.ids):
        vectors = {side: (own.rows[k].tobytes(), bool(own.present[k])) for side, own in read.vectors.items()}
        items[identity] = (read.contents[k], read.images[k], read.texts[k], dict(read.metadata[k]), vectors)
    return {"model": record.model.digest, "items": items}


def is_part(some: Outcome, whole: Outcome) -> bool:
    """Return whether items are among others, bit by bit."""
    items = whole["items"]
    return some["model"] == whole["model"] and all(items.get(name) == item for name, item in some["items"].items())


def next_table(workshop: Workshop) -> object:
    """Return what the record says of the table that is being filled; None if there is none."""
    with StoredCollection.at(workshop.shop) as collection:
        return collection.record.next


def features(workshop: Workshop) -> Outcome:
    """Return every cached vector by what it is of, with its bits."""
    vectors = {}
    for folder in (workshop.folder / "features" / "features").glob("*"):
        shards = ShardFolder(folder)
        places = shards.places()
        parts, whole = shards.load(list(places.values())) if places else (None, [])
        for k, name in enumerate(places):
            own = b"" if parts is None else parts.sequence(k).tobytes()
            vectors[f"{folder.name} {name}"] = (own, whole[k].tobytes())
    return {"model": "", "items": vectors}


def run_files(workshop: Workshop) -> Outcome:
    """Return everything that a run left which must not depend on how it got there."""
    run = workshop.folder / "trained"
    if not (run / "result.json").exists():
        return {}
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": {path.name: path.read_bytes() for path in sorted(run.glob("*.safetensors"))},
        "metrics": [{name: line[name] for name in line if name != "seconds"} for line in metrics],
        "result": (run / "result.json").read_text(),
        "files": sorted(path.name for path in run.iterdir()),
    }


def keeps_what_it_told(workshop: Workshop, before: Outcome, now: Outcome, whole: Outcome) -> None:
    assert len(now["items"]) >= told(workshop.log, "items")
    assert is_part(now, whole)


def keeps_what_was_to_stay(workshop: Workshop, before: Outcome, now: Outcome, whole: Outcome) -> None:
    assert is_part(now, before)
    assert is_part(whole, now)


def keeps_all(workshop: Workshop, before: Outcome, now: Outcome, whole: Outcome) -> None:
    assert now == before


def has_moved_or_not(workshop: Workshop, before: Outcome, now: Outcome, whole: Outcome) -> None:
    assert now in (before, whole)


def holds_whole_vectors(workshop: Workshop, before: Outcome, now: Outcome, whole: Outcome) -> None:
    assert is_part(now, whole)


def claims_nothing(workshop: Workshop, before: Outcome, now: Outcome, whole: Outcome) -> None:
    assert now in ({}, whole)


@dataclass(frozen=True)
class Activity:
    """A command that is killed, and what is compared."""

    words: Callable[[Workshop], list[object]]
    survives: Callable[[Workshop, Outcome, Outcome, Outcome], None]
    """Checks what there is right after a kill, beside what there was before and what there is to be."""
    made: str = ""
    """The collection to begin with."""
    outcome: Callable[[Workshop], Outcome] = lambda workshop: stored(workshop.shop)
    refused_again: bool = False
    """Whether it is refused once it is done."""
    is_halfway: Callable[[Workshop], bool] | None = None
    """Whether what was killed left a part of its work, where the outcome does not show it."""

    def begin(self, workshop: Workshop) -> None:
        workshop.begin_with(self.made)
        for name in CHANGED[1:]:
            shutil.rmtree(workshop.folder / name, ignore_errors=True)

    def start(self, workshop: Workshop) -> None:
        workshop.commands.start(
            self.words(workshop), workshop.log, **({} if self.made else {"DIPTYCH_CACHE": self.cache(workshop)})
        )

    def cache(self, workshop: Workshop) -> Path:
        return workshop.folder / "features" if self.outcome is features else workshop.cache


ACTIVITIES = {
    "adding": Activity(lambda it: ["collection", "add", it.shop, it.items], keeps_what_it_told, "empty"),
    "removing": Activity(
        lambda it: ["collection", "remove", it.shop, "--where", "n < 150"], keeps_what_was_to_stay, "full"
    ),
    "compacting": Activity(lambda it: ["collection", "compact", it.shop], keeps_all, "worn"),
    "reencoding": Activity(
        lambda it: ["collection", "reencode", it.shop, "--model", it.other], has_moved_or_not, "full",
        refused_again=True,
        is_halfway=lambda it: next_table(it) is not None,
    ),
    "encoding": Activity(
        lambda it: ["encode", it.data, *ENCODERS, *SET[:2]], holds_whole_vectors, outcome=features
    ),
    "training": Activity(
        lambda it: [
            "train", "mcsm", "--data", it.data, "--out", it.folder / "trained", "--resume", *ENCODERS, *SET,
            "--set", "training.epochs=6",
        ],
        claims_nothing,
        outcome=run_files,
        is_halfway=lambda it: (it.folder / "trained" / "checkpoint.safetensors").exists(),
    ),
}  # fmt: skip
SERVING = "serving"


def share(name: str) -> int:
    """Return how many of all kills are of an activity."""
    names = [*ACTIVITIES, SERVING]
    return len(range(names.index(name), KILLS, len(names)))


def changed(workshop: Workshop) -> list[dict[str, tuple[int, int]]]:
    """Return the files that commands change, as they are now."""
    return [files_in(workshop.folder / each) for each in CHANGED]


def kill_and_repeat(activity: Activity, workshop: Workshop, kills: int, chance: random.Random) -> str:
    """Kill a command so many times, compare and repeat it; return what there is to say of it."""
    commands = workshop.commands
    activity.begin(workshop)
    before = activity.outcome(workshop)
    activity.start(workshop)
    course = commands.observe(lambda: changed(workshop))
    assert commands.wait() == 0, workshop.log.read_text()
    whole = activity.outcome(workshop)
    late = killed = halfway = 0
    while killed < kills:
        activity.begin(workshop)
        # a third of the commands are killed again when they are repeated
        for _ in range(1 + (chance.random() < 1 / 3)):
            activity.start(workshop)
            commands.kill_at(course.moment(chance))
            if commands.wait() != -signal.SIGKILL:
                late += 1
                break
            killed += 1
            now = activity.outcome(workshop)
            activity.survives(workshop, before, now, whole)
            halfway += activity.is_halfway(workshop) if activity.is_halfway else now not in (before, whole)
        assert late < LATE * kills
        if activity.outcome(workshop) != whole or not activity.refused_again:
            activity.start(workshop)
            assert commands.wait() == 0, workshop.log.read_text()
        assert activity.outcome(workshop) == whole
    return f"{killed} kills, {halfway} of them halfway, {late} commands ended before; {course}"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kills"), [("removing", 1), ("compacting", 1), ("reencoding", 2)])
def test_a_command_that_is_killed_ends_as_if_undisturbed_when_it_is_repeated(
    name: str, kills: int, workshop: Workshop
) -> None:
    print(name, kill_and_repeat(ACTIVITIES[name], workshop, kills, random.Random(SEED)))


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("name", ACTIVITIES)
def test_a_command_killed_at_many_moments_ends_as_if_undisturbed_when_it_is_repeated(
    name: str, workshop: Workshop
) -> None:
    print(name, kill_and_repeat(ACTIVITIES[name], workshop, share(name), random.Random(SEED)))


# the service


def lines() -> bytes:
    """Return items for a service, some with a picture."""
    rows = []
    for k in range(ITEMS):
        row: dict[str, Any] = {"id": f"s{k:03}", "text": f"served text number {k}", "n": k}
        if k % 8 == 0:
            written = io.BytesIO()
            Image.new("RGB", (40, 30), (k, 90, 255 - k)).save(written, "PNG")
            row["image"] = base64.b64encode(written.getvalue()).decode()
        rows.append(json.dumps(row))
    return "\n".join(rows).encode()


class Post(Thread):
    """Sends items to a service, and remembers what it acknowledged."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{port}/v1/collections/shop/items"
        self.told: list[dict[str, Any]] = []

    def run(self) -> None:
        kind = {"Content-Type": "application/x-ndjson"}
        try:
            with httpx.stream("POST", self.url, content=lines(), headers=kind, timeout=120) as answer:
                for line in answer.iter_lines():
                    self.told.append(json.loads(line))
        except (httpx.TransportError, json.JSONDecodeError):
            return

    @property
    def acknowledged(self) -> int:
        """How many items it said are there."""
        return max(
            (sum(line.get(name, 0) for name in ("added", "updated", "unchanged")) for line in self.told), default=0
        )


def served(workshop: Workshop) -> int:
    """Start the service of the collection, and return its port when it is ready."""
    port = free_port()
    words = ["serve", workshop.shop, "--port", port, "--limit", "rate=0"]
    workshop.commands.start(words, workshop.log)
    end = time.monotonic() + 180
    while time.monotonic() < end:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200:
                return port
        except httpx.TransportError:
            time.sleep(0.02)
    pytest.fail(workshop.log.read_text())


def kept(workshop: Workshop) -> Outcome:
    """Return what the collection holds and the pictures that are kept for it."""
    pictures = [path for path in (workshop.shop / "pictures").rglob("*") if path.is_file() and path.name != "lock"]
    return stored(workshop.shop) | {"pictures": {str(path): path.read_bytes() for path in pictures}}


def kill_service_and_repeat(workshop: Workshop, kills: int, chance: random.Random) -> str:
    """Kill the service as it takes items in, so many times, compare, send them again; return what to say of it."""
    commands = workshop.commands
    workshop.begin_with("empty")
    whole, course = served_to_the_end(workshop)
    assert len(whole["items"]) == ITEMS
    late = killed = halfway = 0
    while killed < kills:
        workshop.begin_with("empty")
        post = Post(served(workshop))
        begun = next(commands.taken())
        post.start()
        commands.kill_at(course.moment(chance), since=begun)
        post.join(120)
        commands.kill()
        assert commands.wait() == -signal.SIGKILL
        killed += post.acknowledged < ITEMS
        late += post.acknowledged == ITEMS
        assert late < LATE * kills
        now = kept(workshop)
        assert len(now["items"]) >= post.acknowledged
        assert is_part(now, whole)
        assert all((workshop.shop / image).is_file() for _, image, *_ in now["items"].values() if image)
        halfway += 0 < len(now["items"]) < ITEMS
        assert served_to_the_end(workshop)[0] == whole
    return f"{killed} kills, {halfway} of them halfway, {late} after the last item; {course}"


@pytest.mark.thorough
@pytest.mark.slow
def test_a_service_that_is_killed_loses_no_item_that_it_acknowledged(workshop: Workshop) -> None:
    print(SERVING, kill_service_and_repeat(workshop, 2, random.Random(SEED)))


@pytest.mark.thorough
@pytest.mark.slow
def test_a_service_killed_at_many_moments_loses_no_item_that_it_acknowledged(workshop: Workshop) -> None:
    print(SERVING, kill_service_and_repeat(workshop, share(SERVING), random.Random(SEED)))


def served_to_the_end(workshop: Workshop) -> tuple[Outcome, Course]:
    """Send all items to the service, end it, tidy up; return what there is, and the time that the items took."""
    commands = workshop.commands
    port = served(workshop)
    begun = next(commands.taken())
    post = Post(port)
    post.start()
    post.join(120)
    course = Course(0.0, next(commands.taken()) - begun)  # it is watched from the first item to the last
    assert post.told[-1]["done"]
    assert post.acknowledged == ITEMS
    os.kill(commands.process, signal.SIGTERM)
    commands.wait()
    workshop.call("collection", "compact", workshop.shop)
    return kept(workshop), course
