"""Train, load, evaluate and search: all uses of a method, from Python and from the command line."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from typing_extensions import override

from diptych.data.column_names import ColumnNames
from diptych.data.pairs import DataSet
from diptych.data.queries import checked_picture, checked_text
from diptych.data.sources import DataLike, is_in_memory, is_named_set, open_data, source_of
from diptych.data.splitting import resplit
from diptych.encoders.contract import Encoder
from diptych.encoders.encoding import encode_dataset, encode_images, unknown_words
from diptych.encoders.given import Given
from diptych.encoders.lazy import LazyEncoders
from diptych.encoders.passed import EncoderLike, Passed, passed_encoders
from diptych.entrance import PictureLike, checks_arguments
from diptych.errors import BadSetting, UnknownName
from diptych.evaluation import Evaluation, Validation, chosen_rule, evaluate, open_rule
from diptych.explaining.audit import Audit, audited
from diptych.explaining.explain import explain_pair
from diptych.explaining.explanation import Explanation, save_explanations
from diptych.explaining.fusing import NOTHING_FUSED, Fusing
from diptych.explaining.traced_pair import TracedPair
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served, Statistics
from diptych.handover.hub_runs import received, run_at
from diptych.handover.onnx_export import ExportsTowers
from diptych.handover.pretrained import HandsOver
from diptych.methods.contract import Method
from diptych.methods.embeddings import embed_items, embed_pairs
from diptych.progress import Progress
from diptych.relevance import Relevant, TextItems, relevance, text_items
from diptych.request_fields import options_of
from diptych.results import Hit, Results
from diptych.retrieval.embedding_items import EmbedsItems
from diptych.retrieval.embedding_model import EmbeddingModel, model_of_run
from diptych.retrieval.gallery import search_pairs
from diptych.search_request import SearchRequest
from diptych.settings import set_torch_threads
from diptych.training.curve import TrainingCurve
from diptych.training.data_source import DataSource
from diptych.training.loading import load_model
from diptych.training.locating import open_trained
from diptych.training.processes import joined
from diptych.training.request import TrainingRequest, divided_settings
from diptych.training.run import MetricsCallback, TrainingRun
from diptych.training.run_config import RunConfig, RunResult
from diptych.training.run_folder import RunFolder
from diptych.training.tensorboard import event_writer

__all__ = ["Explanation", "Hit", "Results", "Retriever", "save_explanations"]


class Retriever(EmbedsItems, HandsOver, ExportsTowers):
    """A trained method with its encoders.

    >>> Retriever.train("mscm", "openmoji", out=Path("run"))
    Traceback (most recent call last):
    diptych.errors.UnknownName: methods has no entry 'mscm'. Did you mean 'mcsm'?
    """

    def __init__(
        self, folder: RunFolder, model: Method, config: RunConfig, *, passed: Passed = MappingProxyType({})
    ) -> None:
        self.folder = folder
        self.passed = passed
        self.model = model
        self.config = config

    @classmethod
    @checks_arguments
    def train(
        cls,
        method: str,
        data: DataLike,
        *,
        out: str | Path,
        preset: str = "default",
        seed: int = 0,
        split_seed: int | None = None,
        settings: Sequence[str] = (),
        image_encoder: EncoderLike = "efficientnet-lite2",
        text_encoder: EncoderLike = "minilm",
        relevant: Relevant | None = None,
        texts: TextItems | None = None,
        columns: Sequence[str] = (),
        data_root: str | Path | None = None,
        resume: bool = False,
        tensorboard: bool = False,
        callback: MetricsCallback | None = None,
        progress: Progress | None = None,
    ) -> "Retriever":
        """Train a method on a data set's `train` split, choose on `val`, and return it; the run is kept in `out`.

        `data` is a name, a path, or the pairs themselves: a data frame, a Hugging Face data set, a list of dicts, a
        dict of arrays (`open_data`).

        An encoder is a name, or an object of yours (`diptych.module_encoder`), which `load` is given again.
        `settings` change the preset (`training.epochs=3`, `visual.recurrence=none`) or an encoder
        (`image_encoder.side=380`). `relevant` decides what counts as right: losses, the metric on `val` and the fusion
        weights follow it (default: `category` if there are categories, otherwise `partner`). `texts` is what a text
        item is (default: `each` text where partners count, otherwise the `joined` texts of a pair). `test` is read by
        `transductive` configs alone; `tensorboard` writes events too. `callback` receives the metrics of each epoch:
        its number, the losses by name and the metric on `val`. If torch's launcher started several processes, they
        train together, and all of them must see `out`. `columns` say what a manifest's columns mean, as in
        `text=title` (`open_data`); the run remembers them.
        """
        of_method, of_encoders = divided_settings(settings)
        root = None if data_root is None else Path(data_root)
        place, encoders = source_of(data, ColumnNames.of(columns)), (image_encoder, text_encoder)
        source = DataSource(place, root, None, *encoders, of_encoders, relevant, texts, tuple(columns))
        request = TrainingRequest(method, preset, of_method, source.located(), split_seed)
        folder = RunFolder(Path(out))
        callbacks = [event_writer(folder)] if tensorboard else []
        callbacks += [callback] if callback else []
        with joined() as processes:
            run = TrainingRun(folder, seed, processes, progress, tuple(callbacks))
            prepared = request.prepare(run, resume=resume)
            passed = {m: each for m, each in passed_encoders(*encoders).items() if not isinstance(each, str)}
            if prepared is None:
                return cls._of(folder, passed)
            set_torch_threads(processes.threads())
            rule = open_rule(prepared.training.chosen.fusion)
            model = prepared.training.learn(run, Validation(prepared.val, rule))
        return cls(folder, model, prepared.config, passed=passed)

    @classmethod
    @checks_arguments
    def load(
        cls, run: str | Path, *, image_encoder: EncoderLike | None = None, text_encoder: EncoderLike | None = None
    ) -> "Retriever":
        """Return the method that a finished run holds: its folder, or `hub:OWNER/NAME` for one on the model hub.

        An encoder that was an object in training is passed again; one whose file moved is named again. `BadCheckpoint`
        if its fingerprint is not the one in training.
        """
        passed = passed_encoders(image_encoder, text_encoder)
        return cls._of(run_at(run, passed), passed)

    @classmethod
    @checks_arguments
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        image_encoder: EncoderLike | None = None,
        text_encoder: EncoderLike | None = None,
    ) -> "Retriever":
        """Return a run that somebody handed over: a folder, or OWNER/NAME on the model hub, at a `revision` of it.

        Nothing of theirs is executed: the run is JSON and safetensors, and its networks are opened by name from your
        own installation. `BadCheckpoint` if a file could do harm by its size, by a link or by a path in it. Encoders
        are passed as in `load`.
        """
        passed = passed_encoders(image_encoder, text_encoder)
        return cls._of(received(source, revision=revision, passed=passed), passed)

    @classmethod
    def _of(cls, folder: RunFolder, passed: Passed) -> "Retriever":
        set_torch_threads()
        retriever = cls(folder, load_model(folder), folder.config(), passed=passed)
        if passed:
            retriever.encoders  # noqa: B018 - encoders that are objects are compared with those in training
        return retriever

    @cached_property
    def encoders(self) -> LazyEncoders:
        """The encoders that the method was trained on, by modality, each opened on first use."""
        return self.embedding_model.encoders

    @cached_property
    @override
    def embedding_model(self) -> EmbeddingModel:
        return model_of_run(self.folder, self.model, passed=self.passed)

    @cached_property
    def result(self) -> RunResult:
        """The choices that the run made on validation data."""
        return self.folder.result()

    @property
    def curve(self) -> TrainingCurve:
        """The losses and the validation metric of the run's epochs; none if the method has a closed form."""
        return TrainingCurve(tuple(self.folder.metrics()))

    @checks_arguments
    def rule(self, name: str | None = None) -> FusionRule:
        """Return a fusion rule, by default the run's own, with the weight chosen on validation data."""
        return chosen_rule(self.result.fusion, name)

    @checks_arguments
    def open_data(
        self, data: DataLike = None, *, split_seed: int | None = None, data_root: str | Path | None = None
    ) -> DataSet:
        """Return the named data set, by default the one trained on, which keeps the splits of its training.

        It keeps them also where it was moved or renamed. `MissingData` says where the data of training were if they
        are not there any more.
        """
        trained, root = self.config.data, None if data_root is None else Path(data_root)
        if data is None:
            dataset = open_trained(trained, root=root, split_seed=split_seed)
        else:
            named = not is_in_memory(data) and is_named_set(source_of(data))
            dataset = open_data(data, root=root, split_seed=split_seed, columns=() if named else trained.columns)
        if split_seed is None and trained.split_seed is not None and trained.describes(dataset):
            return resplit(dataset, trained.split_seed)
        return dataset

    @checks_arguments
    def evaluate(
        self,
        data: DataLike = None,
        *,
        split: str = "test",
        split_seed: int | None = None,
        relevant: Relevant | None = None,
        texts: TextItems | None = None,
        fusion: str | None = None,
        folds: int = 1,
        data_root: str | Path | None = None,
        save: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Return how well a split is retrieved, in both directions; `save` is a folder for the details.

        `relevant` decides what MAP and nDCG count as right, and `texts` whether a pair's texts are one item (`joined`,
        as in the paper) or each an item and a query; both are by default as in training. Recalls and ranks are always
        of the partners. With several `folds`, consecutive parts of the pictures are galleries of their own, each with
        its texts, and every query is compared with its own part: five of COCO's 5,000.
        """
        right = relevance(relevant or self.config.relevant, categories=True)
        items = text_items(texts or (self.config.texts if relevant is None else None), right)
        rule = self.rule(fusion)
        dataset = self.open_data(data, split_seed=split_seed, data_root=data_root)
        rows = dataset.split(split)
        features = encode_dataset(dataset, rows, *self.encoders.both(), progress=progress, join_texts=items == "joined")
        features = replace(features, relevant=right)
        unknown = unknown_words(self.encoders["text"], [text for row in rows for text in dataset.pairs[row].texts])
        header = {
            "method": self.config.method,
            "preset": self.config.preset,
            "data": dataset.name,
            "split": split,
            "split_seed": dataset.split_seed,
            "relevant": right,
            "texts": items,
            "items": {"images": len(features.images), "texts": len(features.texts)},
            "unknown_words": unknown,
            "fusion": self._fusion_header(fusion),
            "notes": self._notes(dataset, unknown, by_default=data is None),
        }
        header |= {} if folds == 1 else {"folds": folds}
        evaluation = evaluate(embed_pairs(self.model, features), features, rule, header=header, folds=folds)
        if save:
            evaluation.save(save)
        return evaluation

    @checks_arguments
    def search(
        self,
        data: DataLike = None,
        *,
        split: str | None = None,
        data_root: str | Path | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Results:
        """Return the pairs of a data set that answer a search request best, by default among all pairs trained on.

        `options` are the fields of `SearchRequest`: `text`, `image`, `like`, `k` and so on, as for a collection.
        """
        if unknown := options.keys() - {option.name for option in options_of(SearchRequest)}:
            raise UnknownName.among("search options", min(unknown), [each.name for each in options_of(SearchRequest)])
        request = SearchRequest(**options)
        if len(self.model.spaces) > 1 and "queries" in self.rule(request.fusion).needs and request.text is not None:
            raise BadSetting(
                f"the fusion {request.fusion or self.result.fusion.rule!r} ranks a text against all other texts, so it "
                "cannot answer a single one. Search with another: --fusion product."
            )
        dataset = self.open_data(data, data_root=data_root)
        rows = dataset.split(split) if split else range(len(dataset.pairs))
        results = search_pairs(request, self.embedding_model, dataset, rows, progress=progress)
        notes = self.config.data.differences(dataset, by_default=data is None, splits=split is not None)
        return replace(results, notes=tuple(notes))

    @checks_arguments
    def explain(
        self,
        image: PictureLike,
        text: str,
        *,
        fusion: str | None = None,
        data: DataLike = None,
        split: str = "val",
        data_root: str | Path | None = None,
        pixels: bool = False,
        progress: Progress | None = None,
    ) -> Explanation:
        """Return why a picture and a text are as similar as they are.

        A rule that normalises over a gallery uses the pictures of a split, which the text is compared with. With
        `pixels` the picture is explained by its pixels too, through the image network; this takes some seconds.
        """
        texts, picture = (checked_text(text),), checked_picture(image)
        see, read = self._explained_encoders()

        def over(pair: TracedPair, rule: FusionRule) -> tuple[Served, str]:
            dataset = self.open_data(data, data_root=data_root)
            images = encode_images(dataset, dataset.split(split), see, progress=progress)
            embedded = embed_items(self.model, "image", images)
            similarities = [own.vectors @ pair.vectors(name, "text")[0].cpu().numpy() for name, own in embedded.items()]
            reference = f"the {len(images):,} pictures of {dataset.name}, split {split}, for this text"
            return rule.served(*map(Statistics.of, similarities)), reference

        def fusing(pair: TracedPair) -> Fusing:
            if len(self.model.spaces) < 2:
                return NOTHING_FUSED
            return Fusing.by(self.rule(fusion), fusion or self.result.fusion.rule, partial(over, pair))

        return explain_pair(self.model, {"image": see, "text": read}, picture, texts, fusing=fusing, pixels=pixels)

    @checks_arguments
    def audit_explanations(
        self,
        data: DataLike = None,
        *,
        split: str = "test",
        pairs: int | None = None,
        seed: int = 0,
        pixels: bool = False,
        data_root: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Audit:
        """Return how faithful each way of explaining is on a split's pairs, or on a random sample of them.

        The texts of a pair are one item. With `pixels` those of the pictures are removed too, which takes minutes for
        a few pairs.
        """
        see, read = self._explained_encoders()
        if pairs is not None and pairs < 1:
            raise BadSetting(f"an audit needs at least 1 pair; got {pairs}.")
        dataset = self.open_data(data, data_root=data_root)
        rows = list(dataset.split(split))
        if pairs is not None and pairs < len(rows):
            rows = np.random.default_rng(seed).choice(rows, pairs, replace=False).tolist()
        found = encode_dataset(dataset, rows, see, read, progress=progress)

        def each() -> Iterator[TracedPair]:
            for k in range(len(rows)):
                pair = TracedPair.of(self.model, (found.images.take([k]), see), (found.texts.take([k]), read))
                yield pair
                if pixels and (picture := dataset.pairs[rows[k]].image) is not None:
                    yield pair.at_pixels(see, picture)
                if progress:
                    progress(k + 1, len(rows), "pairs explained")

        header = {"method": self.config.method, "preset": self.config.preset, "data": dataset.name}
        return audited(each(), header={**header, "split": split, "pairs": len(rows)}, seed=seed)

    def _explained_encoders(self) -> tuple[Encoder, Encoder]:
        see, read = self.encoders.both()
        if isinstance(see, Given) or isinstance(read, Given):
            raise BadSetting(
                "precomputed vectors (`given`) cannot be explained. Train with encoders of pictures and of texts."
            )
        return see, read

    def _fusion_header(self, fusion: str | None) -> dict[str, Any]:
        if len(self.model.spaces) < 2:
            return {"rule": f"none: only the {self.model.spaces[0]} space", "weight": None, "chosen_on": None}
        weight = getattr(self.rule(fusion), "weight", None)
        chosen_on = None if weight is None else self.result.fusion.chosen_on
        return {"rule": fusion or self.result.fusion.rule, "weight": weight, "chosen_on": chosen_on}

    def _notes(self, dataset: DataSet, unknown: float | None, *, by_default: bool) -> list[str]:
        """Return the notes that the figures need; `unknown` is the share of unknown words."""
        differences = self.config.data.differences(dataset, by_default=by_default)
        notes = [*differences, *self.model.notes, *dataset.split_notes]
        if not dataset.classes:
            notes.append("no categories: partners alone are relevant")
        if unknown:
            notes.append(f"{unknown:.1%} of the words are unknown to the text encoder")
        return notes
