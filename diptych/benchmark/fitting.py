"""Train a candidate of a cell, and evaluate the chosen candidate on test data."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from itertools import product
from time import perf_counter
from typing import Any

from diptych.benchmark.cell import Cell, Fit, split_name
from diptych.benchmark.memory import forget_peak, peak_megabytes
from diptych.benchmark.task import CellTask
from diptych.data.features import Features
from diptych.errors import BadSetting, DiptychError
from diptych.evaluation import (
    Evaluation,
    Validation,
    average_map,
    chosen_rule,
    evaluate,
    judgements_of,
    metric,
    open_rule,
)
from diptych.files import json_of, write_json
from diptych.fusion.record import FusionRecord
from diptych.measures.chance import chance_map
from diptych.methods.embeddings import embed_pairs
from diptych.methods.module import PosteriorsConfig
from diptych.methods.posteriors import WithPosteriors
from diptych.training.data_source import DataSource, LearningFeatures, SplitData
from diptych.training.loading import load_encoders, load_model
from diptych.training.request import TrainingRequest
from diptych.training.run import TrainingRun
from diptych.training.run_folder import RunFolder

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""The shares of posteriors that are tried on validation data."""
TEMPERATURES = (0.5, 1.0, 2.0)
"""The temperatures of posteriors that are tried with each."""


@lru_cache(maxsize=2)
def opened(source: DataSource, split_seed: int | None) -> SplitData:
    """Return the data set and its encoders; those of the last two splits are kept in memory."""
    return source.open(split_seed)


@lru_cache(maxsize=2)
def learning_features(source: DataSource, split_seed: int | None) -> LearningFeatures:
    """Return training and validation features, cached in the same way; no test items."""
    return opened(source, split_seed).learning_features()


def fit_candidate(task: CellTask, candidate: int) -> Fit:
    """Train a candidate in its run folder and return its record, which is written last.

    An existing record is returned unchanged; an interrupted run resumes. An error of a method is recorded as well, and
    the other candidates continue.
    """
    file = task.fit_file(candidate)
    if file.exists():
        return read_fit(task, candidate)
    request, run = requested(task, candidate), TrainingRun(RunFolder(task.run(candidate)), task.seed)
    data, features = opened(task.source, task.split_seed), learning_features(task.source, task.split_seed)
    rule = open_rule(request.chosen(data.relevant).fusion)
    config = request.config(data, seed=run.seed)
    run.folder.admit(config, resume=True)
    run.folder.begin(config)
    forget_peak()
    start = perf_counter()
    try:
        training = request.training(data, features)
        model = training.learn(run, Validation(training.validated(features.val), rule))
        scores = Validation(validation_features(task, run.folder), rule).scores(model)
        reached, watched, error = average_map(scores), metric(scores, data.relevant), ""
    except DiptychError as refusal:
        reached, watched, error = None, None, str(refusal)
    seconds = sum(line["seconds"] for line in run.folder.metrics()) or perf_counter() - start
    fit = Fit(task.candidates[candidate], reached, round(seconds, 3), peak_megabytes(), error, watched)
    write_json(file, asdict(fit))
    return fit


def seen_by(folder: RunFolder, task: CellTask) -> SplitData:
    """Return a cell's data with the encoders of a run, which may have tuned them."""
    ready = opened(task.source, task.split_seed)
    return replace(ready, encoders=load_encoders(folder).both()) if folder.tuned else ready


def validation_features(task: CellTask, folder: RunFolder) -> Features:
    """Return validation features as the encoders of a run give them."""
    return (
        seen_by(folder, task).features("val") if folder.tuned else learning_features(task.source, task.split_seed).val
    )


def read_fit(task: CellTask, candidate: int) -> Fit:
    """Return a fit's record; refuse a folder that holds a search with other settings."""
    value = json.loads(task.fit_file(candidate).read_text(encoding="utf-8"))
    fit = Fit(**{**value, "settings": tuple(value["settings"])})
    if fit.settings != task.candidates[candidate]:
        raise BadSetting(
            f"{task.run(candidate)} holds a fit with {', '.join(fit.settings) or 'the preset itself'}, but this "
            f"search needs {', '.join(task.candidates[candidate]) or 'the preset itself'}. Choose another --out."
        )
    return fit


def refusal(task: CellTask) -> str:
    """Return why no candidate of a cell could be trained; empty if one was, or if some have not been tried."""
    fits = [read_fit(task, k) for k in range(len(task.candidates)) if task.fit_file(k).exists()]
    if len(fits) < len(task.candidates) or any(fit.validation_map is not None for fit in fits):
        return ""
    return f"no candidate could be trained on split {split_name(task.split_seed)}. The first error: {fits[0].error}"


def requested(task: CellTask, candidate: int) -> TrainingRequest:
    """Return the training of a candidate: the method's preset, changed by the candidate's settings."""
    return TrainingRequest(task.method, task.preset, task.candidates[candidate], task.source, task.split_seed)


def finish_cell(task: CellTask) -> Cell:
    """Evaluate the best candidate on validation data on the test data, and write the cell.

    Ties choose the earlier candidate. Weights and checkpoints of the others are removed. With `task.posteriors` the
    cell with posteriors is written first.
    """
    fits = tuple(read_fit(task, k) for k in range(len(task.candidates)))
    reached = [-1.0 if fit.figure is None else fit.figure for fit in fits]
    chosen = max(range(len(fits)), key=lambda k: (reached[k], -k))
    if reason := refusal(task):
        raise BadSetting(reason)
    folder = RunFolder(task.run(chosen))
    ready = seen_by(folder, task)
    test = ready.features("test")
    split = {"split": "test", "split_seed": ready.dataset.split_seed}
    evaluation = _measured(folder, test, header={**split, "relevant": ready.relevant, "texts": ready.texts})
    cell = _cell(task, fits, chosen, evaluation, test=test, ready=ready)
    if task.posteriors:
        with_posteriors(cell, task, test=test, ready=ready).write(task.mixed_file)
    cell.write(task.file)
    for k in range(len(fits)):
        if k != chosen:
            for file in RunFolder(task.run(k)).weights_files:
                file.unlink()
    return cell


def _measured(folder: RunFolder, test: Features, *, header: Mapping[str, Any]) -> Evaluation:
    """Return the evaluation of a run under its own fusion rule, with the weight chosen on validation data."""
    rule, model = chosen_rule(folder.result().fusion), load_model(folder)
    return evaluate(embed_pairs(model, test), test, rule, header={**header, "notes": list(model.notes)})


def _cell(
    task: CellTask, fits: tuple[Fit, ...], chosen: int, evaluation: Evaluation, *, test: Features, ready: SplitData
) -> Cell:
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
        config=json_of(RunFolder(task.run(chosen)).config()),
        figures=evaluation.as_dict(),
        chance={"image_to_text": chance_map(judged), "text_to_image": chance_map(judged.reversed())},
        ids=test.ids,
        categories=tuple(pairs[name] for name in test.ids),
        owner=tuple(test.owner.tolist()),
        **_of_queries(evaluation),
    )


def _of_queries(evaluation: Evaluation) -> dict[str, Any]:
    """Return the results of each query under the fused similarity, as a cell holds them."""
    fused = evaluation.scores["fused"]
    return {
        "ap": {d: tuple(None if ap != ap else float(ap) for ap in scores.ap) for d, scores in fused.items()},
        "curve": {d: tuple(float(p) for p in scores.mean_curve()) for d, scores in fused.items()},
        "rank": {d: tuple(None if r != r else float(r) for r in scores.rank) for d, scores in fused.items()},
    }


def with_posteriors(cell: Cell, task: CellTask, *, test: Features, ready: SplitData) -> Cell:
    """Return the cell of the same trained model with posteriors beside its vectors.

    Their share and temperature are the best of `SHARES` and `TEMPERATURES` on validation data, for every method. Only
    the chosen one of these fits has seconds: those of the model and its classifiers, which serve all of them.
    """
    folder = RunFolder(task.run(cell.chosen))
    features = ready.learning_features() if folder.tuned else learning_features(task.source, task.split_seed)
    model, validation = load_model(folder), Validation(features.val, open_rule(folder.result().fusion.rule))
    configs = [PosteriorsConfig(share, temperature) for share, temperature in product(SHARES, TEMPERATURES)]
    start = perf_counter()
    mixed = WithPosteriors.fitted(configs[0], model, features.train)
    seconds = round(cell.best.seconds + perf_counter() - start, 3)
    scores = [validation.scores(mixed.mixing(config)) for config in configs]
    reached = [metric(each, ready.relevant) for each in scores]
    chosen = max(range(len(configs)), key=lambda k: (reached[k], -k))
    fits = tuple(
        Fit(
            (f"posteriors.share={config.share}", f"posteriors.temperature={config.temperature}"),
            average_map(scores[k]),
            seconds if k == chosen else 0.0,
            None,
            validation=reached[k],
        )
        for k, config in enumerate(configs)
    )
    best = mixed.mixing(configs[chosen])
    record = FusionRecord(folder.result().fusion.rule, "val", validation.choose_fusion(best))
    header = {name: cell.figures[name] for name in ("split", "split_seed", "relevant", "texts")}
    evaluation = evaluate(
        embed_pairs(best, test), test, chosen_rule(record), header={**header, "notes": list(best.notes)}
    )
    return replace(
        cell,
        fits=fits,
        chosen=chosen,
        figures=evaluation.as_dict(),
        posteriors=True,
        **_of_queries(evaluation),
    )
