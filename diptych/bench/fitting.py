"""Training one candidate of a cell, and measuring a cell's chosen candidate on test data."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from time import perf_counter
from types import ModuleType
from typing import Any

from diptych.bench.cell import Cell, Fit, split_name
from diptych.bench.memory import forget_peak, peak_megabytes
from diptych.bench.task import CellTask, Source
from diptych.data.features import Features
from diptych.data.given_vectors import with_vectors
from diptych.data.opening import open_data
from diptych.data.pairs import DataSet
from diptych.encoders.encoding import FeatureSource, encode_dataset
from diptych.encoders.registry import open_encoders
from diptych.errors import BadSetting, DiptychError
from diptych.evaluation import (
    Evaluation,
    choose_rules,
    chosen_rule,
    evaluate,
    judgements_of,
    open_rule,
    validation_map,
)
from diptych.files import write_json
from diptych.measures.chance import chance_map
from diptych.methods import ROOM as METHODS
from diptych.progress import Progress
from diptych.settings import override
from diptych.training.categories import with_known_categories
from diptych.training.learning import learn
from diptych.training.loading import load_model
from diptych.training.run_config import data_config, encoders_config, fusion_of, run_config
from diptych.training.run_folder import RunFolder
from diptych.training.surroundings import surroundings_of


@dataclass(frozen=True)
class Prepared:
    """A data set under one split, with the encoders that read it."""

    source: Source
    split_seed: int | None
    dataset: DataSet
    encoders: tuple[FeatureSource, FeatureSource]

    def features(self, split: str, *, progress: Progress | None = None) -> Features:
        """Return a split's pairs, encoded."""
        return encode_dataset(self.dataset, self.dataset.split(split), *self.encoders, progress=progress)

    def config(self, task: CellTask, chosen: Any) -> dict[str, Any]:
        """Return the config of a run on these data."""
        source = self.source
        names = (source.image_encoder, source.text_encoder)
        return run_config(
            task.method,
            task.preset,
            settings=asdict(chosen),
            data=data_config(self.dataset, source.data, split_seed=self.split_seed),
            encoders=encoders_config(self.encoders, names=names, settings=source.encoder_settings),
            seed=task.seed,
        )


@lru_cache(maxsize=2)
def prepared(source: Source, split_seed: int | None) -> Prepared:
    """Return the data set and the encoders; those of the last two splits are kept in memory."""
    dataset = open_data(source.data, root=source.data_root, split_seed=split_seed)
    if source.vectors:
        dataset = with_vectors(dataset, source.vectors)
    encoders = open_encoders(source.image_encoder, source.text_encoder, source.encoder_settings)
    return Prepared(source, split_seed, dataset, encoders)


@lru_cache(maxsize=2)
def learning_features(source: Source, split_seed: int | None) -> tuple[Features, tuple[str, ...], Features]:
    """Return training features with the categories that training knows, and validation features. No test item."""
    ready = prepared(source, split_seed)
    train, classes = with_known_categories(ready.features("train"), ready.dataset.classes)
    return train, classes, ready.features("val")


def fit_candidate(task: CellTask, candidate: int) -> Fit:
    """Train a candidate in its run folder and return its record, which is the last thing to be written there.

    A record that is there already is returned as it is; a run that was killed goes on where it was. What a method
    refuses is its record too: the other candidates go on.
    """
    file = task.fit_file(candidate)
    if file.exists():
        return read_fit(task, candidate)
    settings = task.candidates[candidate]
    module, chosen = open_config(task, candidate)
    ready = prepared(task.source, task.split_seed)
    train, classes, val = learning_features(task.source, task.split_seed)
    rule = open_rule(fusion_of(chosen))
    folder, config = RunFolder(task.run(candidate)), ready.config(task, chosen)
    folder.admit(config, resume=True)
    folder.begin(config)
    forget_peak()
    start = perf_counter()
    try:
        model = learn(
            module,
            chosen,
            train,
            classes=classes,
            seed=task.seed,
            folder=folder,
            validate=lambda model: validation_map(model.place(val), val, rule),
            choose=lambda model: choose_rules(model.place(val), val),
            surroundings=surroundings_of(module, chosen, ready.dataset, ready.encoders, progress=None),
        )
        reached, error = validation_map(model.place(val), val, rule), ""
    except DiptychError as refusal:
        reached, error = None, str(refusal)
    seconds = sum(line["seconds"] for line in folder.metrics()) or perf_counter() - start
    fit = Fit(settings, reached, round(seconds, 3), peak_megabytes(), error)
    write_json(file, asdict(fit))
    return fit


def read_fit(task: CellTask, candidate: int) -> Fit:
    """Return a fit's record; a folder that holds a search with other settings is refused."""
    value = json.loads(task.fit_file(candidate).read_text(encoding="utf-8"))
    fit = Fit(**{**value, "settings": tuple(value["settings"])})
    if fit.settings != task.candidates[candidate]:
        raise BadSetting(
            f"{task.run(candidate)} holds a fit with {', '.join(fit.settings) or 'the preset itself'}, where this "
            f"search wants {', '.join(task.candidates[candidate]) or 'the preset itself'}. Choose another --out."
        )
    return fit


def refusal(task: CellTask) -> str:
    """Return why no candidate of a cell could be trained; empty where one was, or has not been tried yet."""
    tried = [read_fit(task, k) for k in range(len(task.candidates)) if task.fit_file(k).exists()]
    if len(tried) < len(task.candidates) or any(fit.validation_map is not None for fit in tried):
        return ""
    return f"no candidate could be trained on split {split_name(task.split_seed)}. The first said: {tried[0].error}"


def open_config(task: CellTask, candidate: int) -> tuple[ModuleType, Any]:
    """Return a method's module and its preset, changed by a candidate's settings."""
    module = METHODS.open(task.method)
    return module, override(module.PRESETS[task.preset], task.candidates[candidate])


def finish_cell(task: CellTask) -> Cell:
    """Measure the candidate that is best on validation data on test data, and write the cell.

    Equal figures choose the earlier candidate. Weights and checkpoints of the others are removed.
    """
    fits = tuple(read_fit(task, k) for k in range(len(task.candidates)))
    reached = [-1.0 if fit.validation_map is None else fit.validation_map for fit in fits]
    chosen = max(range(len(fits)), key=lambda k: (reached[k], -k))
    if reason := refusal(task):
        raise BadSetting(reason)
    ready = prepared(task.source, task.split_seed)
    test = ready.features("test")
    folder = RunFolder(task.run(chosen))
    evaluation = _measured(folder, test, header={"split": "test", "split_seed": ready.dataset.split_seed})
    cell = _cell(task, fits, chosen, evaluation, test=test, ready=ready)
    cell.write(task.file)
    for k in range(len(fits)):
        if k != chosen:
            RunFolder(task.run(k)).model_file.unlink(missing_ok=True)
    return cell


def _measured(folder: RunFolder, test: Features, *, header: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation of a run, fused by its own rule with the weight chosen on validation data."""
    rule, model = chosen_rule(folder.result()["fusion"]), load_model(folder)
    return evaluate(model.place(test), test, rule, header={**header, "notes": list(model.notes)})


def _cell(
    task: CellTask, fits: tuple[Fit, ...], chosen: int, evaluation: Evaluation, *, test: Features, ready: Prepared
) -> Cell:
    fused = evaluation.scores["fused"]
    judged = judgements_of(test)
    pairs = {pair.id: pair.categories for pair in ready.dataset.pairs}
    return Cell(
        method=task.method,
        preset=task.preset,
        data=ready.dataset.name,
        split_seed=task.split_seed,
        fits=fits,
        chosen=chosen,
        run=str(task.run(chosen).relative_to(task.out)),
        config=RunFolder(task.run(chosen)).config(),
        figures=evaluation.as_dict(),
        chance={"image_to_text": chance_map(judged), "text_to_image": chance_map(judged.reversed())},
        ids=test.ids,
        categories=tuple(pairs[name] for name in test.ids),
        ap={d: tuple(None if ap != ap else float(ap) for ap in scores.ap) for d, scores in fused.items()},
        curve={d: tuple(float(p) for p in scores.mean_curve()) for d, scores in fused.items()},
    )
