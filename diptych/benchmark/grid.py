"""A benchmark: run and resume methods on splits, and tabulate the results."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from diptych.benchmark.candidates import candidates
from diptych.benchmark.cell import Cell, row_name
from diptych.benchmark.fitting import opened, refusal
from diptych.benchmark.grid_workers import work_off, work_off_on
from diptych.benchmark.table import BenchmarkTable, tabulate
from diptych.benchmark.task import CellTask
from diptych.cluster import Cluster
from diptych.data.features import Features
from diptych.encoders.registry import settings_as_trained
from diptych.entrance import checks_arguments, fit_fields
from diptych.errors import BadSetting, DiptychError, UnknownName
from diptych.files import digest, write_json
from diptych.methods import ROOM as METHODS
from diptych.methods.module import open_method, preset_of
from diptych.progress import Progress
from diptych.rooms import split_name
from diptych.settings import override, thread_count
from diptych.training.data_source import DataSource, SplitData
from diptych.training.run_config import fingerprint
from diptych.training.run_folder import differences

BUDGET = 6
"""Candidates in the search for each method and split, including the preset itself."""


@dataclass(frozen=True)
class Benchmark:
    """The specification of a benchmark: everything that determines its results."""

    source: DataSource
    out: Path
    methods: tuple[str, ...] = ("all",)
    """Names, or `name:preset`; `all` is every method under its default preset."""
    split_seeds: tuple[int | None, ...] = (None,)
    """Seeds of stratified splits; None is the data set's own."""
    search_budget: int = BUDGET
    settings: tuple[str, ...] = ()
    """Changes to a method's preset before the search: `METHOD.NAME=VALUE`."""
    seed: int = 0
    """Seed of the candidates, and of every method's initial weights and batches."""
    posteriors: bool = False
    """Whether every row is followed by one with the categories' posteriors beside its vectors."""

    def __post_init__(self) -> None:
        fit_fields(self)
        if self.search_budget < 1:
            raise BadSetting(f"--search-budget must be at least 1, the preset alone; got {self.search_budget}.")
        if not self.split_seeds or len(set(self.split_seeds)) < len(self.split_seeds):
            raise BadSetting("--split-seeds must name each split once, such as 0-4 or 0,3,7.")

    @checks_arguments
    def run(
        self, *, jobs: int | None = None, cluster: Cluster | None = None, progress: Progress | None = None
    ) -> BenchmarkTable:
        """Compute the missing cells and return the table; running in the same folder resumes.

        Cells are computed by `jobs` processes of this machine, or as tasks of a cluster.
        """
        if jobs and cluster:
            raise BadSetting("--jobs sets the number of processes on this machine. With --on ray, use --workers.")
        jobs = jobs or thread_count()
        if jobs < 1:
            raise BadSetting(f"--jobs must be at least 1; got {jobs}.")
        self._refuse_mixing()
        self._refuse_settings_of_others()
        tasks, lacking = self._tasks(progress)
        self._admit()
        failed = _Failures()
        for task in tasks:
            failed.add(task, refusal(task))
        missing = [task for task in tasks if not task.file.exists() and not refusal(task)]
        count = _Counter(sum(len(task.candidates) + 1 for task in missing), progress)

        def count_off(task: CellTask, reason: str) -> None:
            count(task)
            failed.add(task, reason)

        if missing and cluster:
            work_off_on(cluster, missing, on_end=count_off)
        elif missing:
            work_off(missing, jobs=jobs, on_end=count_off)
        done = [task for task in tasks if task.file.exists()]
        cells = [Cell.read(file) for task in done for file in (task.file, *([task.mixed_file] * task.posteriors))]
        if not cells:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in (*lacking, *failed.rows))
            raise BadSetting(f"no method could be computed on these data. {reasons}")
        return tabulate(cells, protocol=self.protocol(), not_applicable=[*lacking, *failed.rows])

    def protocol(self) -> dict[str, Any]:
        """Return the settings that all methods share."""
        return {
            "search_budget": self.search_budget,
            "seed": self.seed,
            "settings": list(self.settings),
            "image_encoder": self.source.encoders[0],
            "text_encoder": self.source.encoders[1],
            "encoder_settings": list(self.source.encoder_settings),
            "features": self.source.vectors and self.source.vectors.name,
            "relevant": self.source.relevant,
            "texts": self.source.texts,
            "posteriors": self.posteriors,
        }

    def entries(self) -> list[tuple[str, str]]:
        """Return the method and the preset of every row, in the given order."""
        rows: dict[tuple[str, str], None] = {}
        for name in self.methods:
            if name == "all":
                rows |= dict.fromkeys((method, "default") for method in METHODS.names())
                continue
            method, preset = split_name(name)
            preset_of(open_method(method), preset or "default", "category")  # refuse an unknown one
            rows[method.lower().replace("_", "-"), preset or "default"] = None
        return list(rows)

    def _admit(self) -> None:
        """Claim the folder for this benchmark; refuse one with results for other data, encoders or budget."""
        ready = opened(self.source, self.split_seeds[0])
        own = {
            **self.protocol(),
            "data": {"name": ready.dataset.name, "fingerprint": fingerprint(ready.dataset)},
            "encoders": asdict(ready.encoder_records()),
        }
        file = self.out / "benchmark.json"
        if not file.exists():
            write_json(file, own)
            return
        # older benchmarks have no relevance: they are by category, with joined texts
        before = {"relevant": None, "texts": None, "posteriors": False, **json.loads(file.read_text(encoding="utf-8"))}
        if changed := differences(before, json.loads(json.dumps(own))):
            raise BadSetting(
                f"{self.out} holds a different benchmark ({changed[0]}). Repeat the command it was started with, "
                "or choose another --out."
            )

    def _refuse_mixing(self) -> None:
        """Refuse a table that mixes transductive methods with inductive ones."""
        transductive = [
            row_name(method, preset) for method, preset in self.entries() if self._config(method, preset).transductive
        ]
        if transductive and len(transductive) < len(self.entries()):
            raise BadSetting(
                f"{transductive[0]} learns from the features of test items, which the other methods have not seen, so "
                f"they cannot stand in one table. Run it by itself: --methods {','.join(transductive)} and another "
                "--out."
            )

    def _refuse_settings_of_others(self) -> None:
        methods = [method for method, _ in self.entries()]
        for setting in self.settings:
            method, _, name = setting.partition(".")
            if method not in methods:
                raise UnknownName.among("methods of this benchmark", method, methods)
            if self.posteriors and name.startswith("posteriors."):
                raise BadSetting(f"--posteriors chooses the posteriors of every method itself. Omit --set {setting}.")

    def _tasks(self, progress: Progress | None) -> tuple[list[CellTask], list[tuple[str, str]]]:
        """Return the computable cells, most expensive methods first, and the other rows with their reasons."""
        tasks: list[CellTask] = []
        lacking: list[tuple[str, str]] = []
        features: dict[tuple[DataSource, int | None], Features] = {}
        for method, preset in self.entries():
            try:
                tasks += [self._task(method, preset, seed, features, progress) for seed in self.split_seeds]
            except NotApplicableError as reason:
                lacking.append((row_name(method, preset), str(reason)))
        return sorted(tasks, key=_cost), lacking

    def _task(
        self,
        method: str,
        preset: str,
        split_seed: int | None,
        features: dict[tuple[DataSource, int | None], Features],
        progress: Progress | None,
    ) -> CellTask:
        module = open_method(method)
        source = self.source
        own, chosen = self._own_settings(method), self._config(method, preset)
        drawn = candidates(module.SEARCH, budget=self.search_budget, seed=self._draw_seed(method))
        if chosen.encoders is not None:
            image, text = chosen.encoders
            framed = settings_as_trained(image)
            source = replace(source, image_encoder=image, text_encoder=text, vectors=None, encoder_settings=framed)
        try:
            ready = opened(source, split_seed)
            if (source, split_seed) not in features:
                features[source, split_seed] = _encode(ready, progress)
        except DiptychError as error:
            if source == self.source:  # features that all methods share are required
                raise
            raise NotApplicableError(str(error)) from None
        if reason := lacks(module.CARD.needs, features[source, split_seed], ready):
            raise NotApplicableError(reason)
        if self.posteriors and features[source, split_seed].labels is None:
            raise BadSetting("--posteriors needs categories, and these pairs have none. Omit it.")
        settings = tuple((*own, *each) for each in drawn)
        return CellTask(self.out, source, method, preset, split_seed, self.seed, settings, self.posteriors)

    def _config(self, method: str, preset: str) -> Any:
        """Return the config from which a method's search starts."""
        return override(open_method(method).PRESETS[preset], self._own_settings(method))

    def _own_settings(self, method: str) -> tuple[str, ...]:
        """Return the changes to this method's preset."""
        return tuple(setting.partition(".")[2] for setting in self.settings if setting.partition(".")[0] == method)

    def _draw_seed(self, method: str) -> int:
        """Return the seed of a method's search, which does not depend on the other methods."""
        return int(digest(method, str(self.seed))[:12], 16)


class NotApplicableError(DiptychError):
    """A method cannot be computed on these data, for a reason that belongs in the table."""


def lacks(needs: Sequence[str], features: Features, ready: SplitData) -> str:
    """Return the requirement of a method that these data lack, as a sentence; empty if there is none."""
    if "categories" in needs and features.labels is None:
        return "it learns from categories, and these pairs have none"
    if "regions or words" in needs and features.images.parts is None and features.texts.parts is None:
        return "it reads regions of pictures or words of texts, and these features are one vector an item"
    if "concepts" in needs:
        from diptych.encoders.concept_vectors import concepts_of

        try:
            concepts_of(*ready.encoders)
        except DiptychError as error:
            return str(error)
    return ""


def _encode(ready: SplitData, progress: Progress | None) -> Features:
    """Encode every split once, so that all processes read from the cache; return the training features."""
    for split in ("val", "test"):
        ready.features(split, progress=progress)
    return ready.features("train", progress=progress)


def _cost(task: CellTask) -> tuple[bool, bool, int]:
    """Return a sort key that puts slow methods first, so that fast ones fill the gaps at the end.

    Among methods of a kind, cells of one split are adjacent, so that processes reuse its features.
    """
    slow = METHODS.cards()[task.method].learns == "gradient"
    return (task.method != "mcsm", not slow, -1 if task.split_seed is None else task.split_seed)


class _Counter:
    """Reports the progress of a grid."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._done = 0
        if progress and total:
            progress(0, total, "benchmark")

    def __call__(self, task: CellTask) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total, f"benchmark: {task.label}")


class _Failures:
    """The first failure of each row."""

    def __init__(self) -> None:
        self._rows: dict[str, str] = {}

    def add(self, task: CellTask, reason: str) -> None:
        """Record a reason, if there is one."""
        if reason:
            self._rows.setdefault(task.name, reason)

    @property
    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield rows with their reasons."""
        return iter(self._rows.items())
