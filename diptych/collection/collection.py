"""A collection: items in a store, the model that embeds them, and the operations on both."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from jaxtyping import Float32
from typing_extensions import override

from diptych.cluster import Cluster
from diptych.collection.explaining import explain_match
from diptych.collection.location import location_of
from diptych.collection.model import ModelSource, fingerprint_of, open_model, reopen_model
from diptych.collection.picture_places import PicturePlaces, root_of
from diptych.collection.records import EXACT_LIMIT, RECALL, CollectionRecord, checked_record
from diptych.collection.reencoding import move
from diptych.collection.resources import Resources
from diptych.collection.starting_models import Choice, best_reachable
from diptych.collection.surveyed_collection import SurveyedCollection
from diptych.collection.tables import FIRST, drop_table, make_table, stored_pictures
from diptych.collection.trial_queries import trial_queries
from diptych.data.column_names import ColumnNames
from diptych.data.entries import read_entries, shared_folder
from diptych.data.sources import DataLike, is_in_memory, source_of
from diptych.encoders.passed import EncoderLike, passed_encoders
from diptych.entrance import PictureLike, checks_arguments
from diptych.errors import BadSetting, DiptychError
from diptych.explaining.explanation import Explanation
from diptych.index.address import open_store
from diptych.index.contract import Store, Table
from diptych.index.passwords import masked
from diptych.ingest.fence import RecordFollower, records_to_write_by
from diptych.ingest.handed_over import NewItem, new_items, remove_items, upsert_items
from diptych.ingest.kept_pictures import HANDED_OVER, Pictures
from diptych.ingest.rejects import Added, Reject, Rejects
from diptych.ingest.syncing import ids_of_gone, synchronised_folders
from diptych.ingest.upserting import Destination, Site
from diptych.ingest.workers import ingest
from diptych.progress import Progress, silent
from diptych.request_fields import takes_fields_of
from diptych.results import Results
from diptych.retrieval.answers import Snapshot, search
from diptych.retrieval.embedding_items import EmbedsItems
from diptych.retrieval.embedding_model import EmbeddingModel
from diptych.retrieval.requests import EmbeddedRequest, embed
from diptych.search.tuning import tune
from diptych.search_request import SearchRequest


class Collection(SurveyedCollection, EmbedsItems):
    """Pictures and texts that are searched by the fused similarity of one model.

    >>> Collection.open("shop")
    Traceback (most recent call last):
    diptych.errors.MissingData: there is no collection at shop. Make it: diptych collection create shop --model M.
    """

    choice: Choice | None = None
    """The model that was chosen when the collection was made without naming one, and why."""

    def __init__(
        self,
        store: Store,
        uri: str,
        model: EmbeddingModel | None = None,
        *,
        pictures: Path | None = None,
        pictures_from: Sequence[str | Path] = (),
    ) -> None:
        super().__init__(store, uri)
        self._allowed = frozenset(root_of(each) for each in (*pictures_from, pictures) if each is not None)
        self._places = PicturePlaces(store.folder, self._roots)
        self._resources = Resources(store, model, self._places)
        self._pictures = Pictures(pictures or (store.folder and store.folder / HANDED_OVER))

    @classmethod
    @checks_arguments
    def create(
        cls,
        uri: str | Path,
        model: str | Path | None = None,
        *,
        image_encoder: EncoderLike | None = None,
        text_encoder: EncoderLike | None = None,
        settings: Sequence[str] = (),
        half: bool = False,
        exact_limit: int = EXACT_LIMIT,
        recall: float = RECALL,
    ) -> "Collection":
        """Return a new, empty collection for a model: the folder of a run, `conse` or `joint:NAME`.

        `clip`, `siglip2` and `mobileclip` are dual encoders that others have trained. Without a model the best of these
        that is reachable is taken, `conse` if none is; `choice` says which and why.
        An encoder is a name, or an object of yours (`diptych.module_encoder`), which `open` is given again. With
        `half`, vectors are stored in half precision. `BadSetting` if a collection already exists there.
        """
        if not 0 < recall <= 1:
            raise BadSetting(f"the recall must be above 0 and at most 1; got {recall}.")
        uri = str(uri)
        store = open_store(location_of(uri))
        if store.record() is not None:
            raise BadSetting(f"a collection already exists at {masked(uri)}. Add to it, or choose another location.")
        if model is None and (settings or passed_encoders(image_encoder, text_encoder)):
            raise BadSetting("encoders and their settings belong to a model. Name one: conse, or joint:NAME.")
        opens = partial(open_model, image_encoder=image_encoder, text_encoder=text_encoder, settings=settings)
        opened, choice = best_reachable(opens) if model is None else (opens(str(model)), None)
        make_table(store, FIRST, opened, half=half)
        record = CollectionRecord(fingerprint_of(opened), FIRST, half, exact_limit, recall, id=uuid4().hex)
        store.remember(record.to_json())
        made = cls(store, uri, opened)
        made.choice = choice
        return made

    @classmethod
    @checks_arguments
    def open(
        cls,
        uri: str | Path,
        *,
        model: str | Path | None = None,
        image_encoder: EncoderLike | None = None,
        text_encoder: EncoderLike | None = None,
        pictures_from: Sequence[str | Path] = (),
    ) -> "Collection":
        """Return the collection at a URI or path; `model` names the current folder of its run, if that moved.

        An encoder that was an object when the collection was made is passed again.
        Its pictures are read from its own folders, from where they were added on this machine, and from below the
        folders and URLs `pictures_from`.
        """
        uri = str(uri)
        store = open_store(location_of(uri))
        record = checked_record(store, uri)
        passed = passed_encoders(image_encoder, text_encoder)
        opened = None
        if model is not None or passed:
            opened = reopen_model(record.model, None if model is None else str(model), passed)
        return cls(store, uri, opened, pictures_from=pictures_from)

    @property
    def resources(self) -> Resources:
        """The tables and models opened so far."""
        return self._resources

    @override
    def table_of(self, record: CollectionRecord) -> Table:
        return self._resources.table(record)

    @property
    def model(self) -> EmbeddingModel:
        """The model that embeds its items, loaded on first use."""
        return self._resources.model(self.record)

    @property
    @override
    def embedding_model(self) -> EmbeddingModel:
        return self.model

    def _roots(self) -> Set[str]:
        """Return the folders and URLs that pictures may be read from, beside its own folders."""
        return self.remembered() | self._allowed

    @property
    def has_source(self) -> bool:
        """Whether it is inside a folder of pictures, which `add` can ingest."""
        return location_of(self.uri) != self.uri

    @checks_arguments
    def add(
        self,
        *sources: DataLike,
        rejects: str | Path | None = None,
        columns: Sequence[str] = (),
        data_root: str | Path | None = None,
        sync: bool = False,
        cluster: Cluster | None = None,
        progress: Progress | None = None,
    ) -> Added:
        """Ingest the items of sources (`diptych.data.entries` lists the kinds of source), upserting them by id.

        An item replaces the one with the same id; an unchanged item is skipped. Ids that no manifest gives are paths,
        from the folder that all sources share; a file whose id another file has gets the folders before it too. Faulty
        items are left out and written to the file `rejects` with their reasons, one JSON object per line. With `sync`,
        items whose pictures were in one of the folders named and are gone are removed. With a `cluster`, its workers
        embed items. `columns` say what the columns of manifests mean, as in `text=title`.

        A source may also be the items themselves: a data frame, a Hugging Face data set or a list of dicts, each with
        an `id` or the path of its picture. Their pictures, which may not be SVGs, are stored with the collection.
        """
        found = Rejects(None if rejects is None else Path(rejects))
        named = [source_of(source) for source in sources if not is_in_memory(source)]
        data = None if data_root is None else Path(data_root)
        folders = synchronised_folders(named) if sync else []
        read = partial(
            read_entries,
            report=found.report,
            remark=found.remark,
            root=shared_folder(named),
            data_root=data,
            columns=columns,
        )
        self.remembered.add_sources(named)
        entries = self.remembered.following(chain.from_iterable(map(read, named)))
        follower = RecordFollower(lambda: self.record)

        def site() -> Site:
            return Site(self._resources.table(follower.record), self._resources.embedder(follower.record))

        to, told = Destination(site(), lambda: site() if follower.moved() else None), progress or silent
        opens = ModelSource.of(self._resources.model(follower.record), follower.record.model)
        added = ingest(to, opens, entries, cluster=cluster, reject=found.add, progress=told)
        for source in filter(is_in_memory, sources):
            for items in new_items(source, ColumnNames.of(columns).with_categories_kept(), reject=found.add):
                given, rejected = self.put(items)
                added = added.plus(given)
                for reject in rejected:
                    found.add(reject)
                told(added.seen, 0, "items")
        removed = self.remove(ids_of_gone(self.table, folders)) if sync else 0
        return found.written(replace(added, removed=removed))

    @checks_arguments
    def remove(self, ids: Sequence[str] = (), *, where: str | None = None) -> int:
        """Remove the named items and those that meet a filter; return how many existed."""
        chosen = list(dict.fromkeys([*ids, *(self.ids(where=where) if where else ())]))
        with self._writing:
            records = records_to_write_by(lambda: self.record)
            first, *_ = [remove_items(chosen, self._resources.table(each), self._pictures) for each in records]
        return first

    @takes_fields_of(SearchRequest)
    def search(self, request: SearchRequest) -> Results:
        """Return the k best items after the first `offset`.

        Similarities are normalised over all items, so that a filter does not change a hit's similarity.
        """
        (answer,) = self.search_many([request])
        if isinstance(answer, DiptychError):
            raise answer
        return answer

    @checks_arguments
    def search_many(self, requests: Sequence[SearchRequest]) -> list[Results | DiptychError]:
        """Return the results of many search requests, faster than one by one; an error in place of each that failed."""
        with self.store.moment():
            state = self._snapshot()
            return search(requests, embed(requests, state.model, state.table), state)

    def search_embedded(
        self, requests: Sequence[EmbeddedRequest], *, record: CollectionRecord | None = None
    ) -> list[Results | DiptychError]:
        """Return the same for embedded requests; those that another model embedded are embedded again.

        An older `record` searches the table that was current then.
        """
        with self.store.moment():
            state = self._snapshot(record)
            return search([each.request for each in requests], embed(requests, state.model, state.table), state)

    def fused(
        self,
        text: Float32[np.ndarray, " d"],
        similarities: tuple[float, float],
        *,
        fusion: str | None = None,
        record: CollectionRecord | None = None,
    ) -> float | None:
        """Return the fused similarity of a text with a picture that has these similarities to it in the two spaces.

        A search for the text would give the picture this similarity if it were in the collection. None if there is one
        space, if the rule only ranks, or if no scan of all items is possible.
        """
        state = self._snapshot(record)
        if (rule := state.model.rule(fusion)) is None:
            return None
        spaces = state.model.split("image", text[None])
        served = self._searcher.served(state.table, "image", spaces, rule, state.promise)
        return None if served is None else float(served.score(*(np.array([each]) for each in similarities))[0])

    @checks_arguments
    def explain(
        self,
        identity: str | None = None,
        *,
        text: str | None = None,
        image: PictureLike | None = None,
        like: str | None = None,
        against: str | None = None,
        fusion: str | None = None,
        pixels: bool = False,
    ) -> Explanation:
        """Return why an item answers a text, a picture or the item `like`; without an item, why a text fits a picture.

        The explanation uses the side of the item that a search compares, or the one that `against` names. Two pictures
        or two texts are explained on the item's side alone. The fusion rule normalises over all items, as in a search.
        With `pixels` a picture is explained by its pixels too.
        """
        request = SearchRequest(text, image=image, like=like, against=against, fusion=fusion)
        with self.store.moment():
            return explain_match(self._snapshot(), request, identity, collection=self.name, pixels=pixels)

    @checks_arguments
    def put(self, items: Sequence[NewItem]) -> tuple[Added, list[Reject]]:
        """Upsert items given in memory, pictures included, by id; return the counts and the rejected items.

        Pictures are stored with the collection. An item replaces the one with the same id, as in `add`.
        """
        if self._pictures.folder is not None:
            self.remembered.add([root_of(self._pictures.folder)])
        with self._writing:
            first, *_ = [
                upsert_items(items, self._resources.table(record), self._resources.embedder(record), self._pictures)
                for record in records_to_write_by(lambda: self.record)
            ]
        return first

    def compact(self, *, progress: Progress | None = None) -> None:
        """Reclaim the space of replaced items, and above the exact limit build and tune the index.

        Columns in which no item has a value any more are forgotten, and pictures that a killed process kept for no item
        are removed. Tuning finds the least effort that reaches the promised recall, on queries that did not help to
        build the index.
        """
        record = self.record
        table = self._resources.table(record)
        if record.previous:
            drop_table(self.store, record.previous)
        table.narrow()
        table.compact()
        self._pictures.sweep(named=self._stored_pictures)
        model, told = self._resources.model(record), progress or silent
        tuned = tune(
            table,
            model.rule(),
            record.promise,
            queries=partial(trial_queries, table, model=model),
            searcher=self._searcher,
            moment=self.store.moment,
            progress=told,
        )
        if tuned:
            table.compact()
        self.store.remember(replace(self.record, previous=None, tuned=tuned).to_json())

    def forget(self, record: CollectionRecord) -> None:
        """Release the tables and models that a record no longer names."""
        self._resources.keep_only(record)
        self._searcher.forget(but=record.table)

    @checks_arguments
    def reencode(
        self, model: str | Path, *, rejects: str | Path | None = None, progress: Progress | None = None, **encoders: Any
    ) -> Added:
        """Move all items to another model: fill a second table while the first one serves, then switch to it.

        After a kill, the next call resumes the move. Items whose pictures are gone are left out and written to
        `rejects`.
        """
        opened = open_model(str(model), **encoders)
        self._resources.add_model(opened)
        found = Rejects(None if rejects is None else Path(rejects))
        moved = move(self.store, opened, self._places, reject=found.add, progress=progress or silent)
        return found.written(moved)

    def _stored_pictures(self) -> Iterator[str | None]:
        """Yield the pictures of all items, also of those that a move to another model has written so far."""
        record, there = self.record, self.store.tables()
        names = [record.table, *([record.next.table] if record.next and record.next.table in there else [])]
        return chain.from_iterable(stored_pictures(self.store.table(name)) for name in names)

    @override
    def _snapshot(self, record: CollectionRecord | None = None) -> Snapshot:
        record = record or self.record
        return Snapshot(self._resources.table(record), self._resources.model(record), self._searcher, record.promise)

    def drop(self) -> None:
        """Remove the collection and everything it stores; pictures that it only refers to stay where they are."""
        self._pictures.drop()
        self.store.drop()
