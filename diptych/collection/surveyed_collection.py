"""What a collection says of all its items together."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace as replaced
from threading import Lock

from diptych.collection.classifying import PLACE, Classification, checked_labels, classify_items, computed_columns
from diptych.collection.clustering_items import ItemClusters, cluster_column, cluster_items
from diptych.collection.column_writing import ComputedColumns, check_names, write_columns, write_value
from diptych.collection.duplicates import Duplicates, alike_groups, find_duplicates, thresholds_of
from diptych.collection.mapping_items import CollectionMap, map_items
from diptych.collection.stored_collection import StoredCollection
from diptych.collection.surveyed_items import SurveyedItems
from diptych.collection.tables import reduction_of_table
from diptych.entrance import checks_arguments
from diptych.errors import BadSetting
from diptych.index.contract import Store
from diptych.index.filters import parse
from diptych.modality import MODALITIES, Modality
from diptych.progress import Progress
from diptych.retrieval.answers import Snapshot, compared_side
from diptych.search.searcher import Searcher
from diptych.search_request import SearchRequest

CATEGORY = "category"
"""The column that colours a map, if the collection has it."""


class SurveyedCollection(StoredCollection, ABC):
    """A collection whose items are compared with one another, and with labels."""

    def __init__(self, store: Store, uri: str) -> None:
        super().__init__(store, uri)
        self._searcher = Searcher(store.uri, lasting=store.lasting)
        self._writing = Lock()
        """Held by whatever reads items and writes them back changed."""

    @abstractmethod
    def _snapshot(self) -> Snapshot:
        """Return what a search needs."""

    @checks_arguments
    def duplicates(
        self,
        *,
        threshold: float | None = None,
        by: str | None = None,
        where: str | None = None,
        progress: Progress | None = None,
    ) -> Duplicates:
        """Return the groups of near-identical pictures, the largest first, and the way in which each pair was found.

        Two pictures are a pair if their thumbnails of 16 x 16 pixels have a cosine of at least .995, or if their
        vectors have a mean cosine over the spaces of at least .999; `threshold` replaces both figures, and `by`
        (picture or vector) asks for one way alone. Pairs connect groups, so that two pictures of a group need not be
        a pair. All pairs are compared.
        """
        thresholds = thresholds_of(threshold, by)
        with self.store.moment():
            return find_duplicates(self._surveyed("image", where), thresholds, progress=progress)

    @checks_arguments
    def alike(self, ids: Sequence[str], *, threshold: float | None = None) -> list[list[str]]:
        """Return the groups of near-identical pictures among some items, such as hits, by their vectors.

        The threshold is that of `duplicates`. Each group has its ids in the order in which they are named.
        """
        least = thresholds_of(threshold, "vector")["vector"]
        with self.store.moment():
            record = self.record
            kept = reduction_of_table(self.store, record.table, record.model.widths).kept("image")
            named = list(dict.fromkeys(ids))
            items = self.table_of(record).read(named, vectors=("image",))
            return alike_groups(items, kept, least)

    @checks_arguments
    def classify(
        self,
        labels: Sequence[str],
        *,
        column: str | None = "label",
        replace: bool = False,
        template: str = PLACE,
        against: str | None = None,
        fusion: str | None = None,
        progress: Progress | None = None,
    ) -> Classification:
        """Give each item the label whose text it is most similar to, and write it to a column, with a score.

        The text of a label stands at `{}` in the template. Similarities are the fused ones, as in a search for the
        text; the score says how far the label is ahead of the others, and is written to `COLUMN_score`. Items without a
        picture (or, with `against="text"`, without a text) get no label. `column=None` writes nothing. After a kill,
        call it again: items that were written are skipped. `BadSetting` if the column has other values, unless they are
        to be replaced.
        """
        texts = checked_labels(labels, template)
        with self.store.moment():
            state = self._snapshot()
            if column is not None:
                check_names(state.table, {column: "text", f"{column}_score": "number"})
            request = SearchRequest(texts[0], against=against)
            side = compared_side(request, lambda side: state.table.count(side=side) > 0)
            found = classify_items(state, labels, texts, side, fusion=fusion, progress=progress)
        if column is None:
            return found
        written = self._written(computed_columns(found, column), over=replace, progress=progress)
        return replaced(found, written=written)

    @checks_arguments
    def clusters(
        self,
        k: int | None = None,
        *,
        side: str | None = None,
        where: str | None = None,
        column: str | None = None,
        replace: bool = False,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> ItemClusters:
        """Return the items in k clusters by their vectors (k-means), each with the items nearest to its centre.

        By default the number of clusters is the one from 2 to 30 with the largest silhouette. Pictures are compared,
        or where there are none, or with `side="text"`, texts. The numbers of the clusters are written to a column if
        one is named, as `classify` writes labels.
        """
        with self.store.moment():
            own = self._compared(side)
            if column is not None:
                check_names(self.table, {column: "number"})
            found = cluster_items(self._surveyed(own, where), own, k=k, seed=seed, progress=progress)
        if column is None:
            return found
        written = self._written(cluster_column(found, column), over=replace, progress=progress)
        return replaced(found, written=written)

    @checks_arguments
    def map(
        self,
        *,
        colour: str | None = CATEGORY,
        side: str | None = None,
        where: str | None = None,
    ) -> CollectionMap:
        """Return the items as points of the plane in which their vectors vary most, coloured by a column.

        Pictures are placed, or where there are none, or with `side="text"`, texts. The same items give the same map.
        """
        with self.store.moment():
            if colour == CATEGORY and colour not in self.table.columns():
                colour = None
            return map_items(self._surveyed(self._compared(side), where), self.name, colour=colour)

    @checks_arguments
    def tag(self, ids: Sequence[str], column: str, value: str | None) -> int:
        """Write a value into a column of some items, without encoding them anew, and return how many items changed.

        A new column holds texts. To a column of several texts the value is added; a column of numbers or of truths
        reads it (`2010`, `true`). None takes the column's values out.
        """
        with self._writing:
            return write_value(self.store, ids, column, value)

    def _written(self, columns: ComputedColumns, *, over: bool, progress: Progress | None) -> int:
        with self._writing:
            return write_columns(self.store, columns, over=over, progress=progress)

    def _compared(self, side: str | None) -> Modality:
        """Return the side that is compared: the one named, or pictures if there are any."""
        if side is not None and side not in MODALITIES:
            raise BadSetting(f"side must be {' or '.join(MODALITIES)}; got {side!r}.")
        return side if side else "image" if self.table.count(side="image") else "text"

    def _surveyed(self, side: Modality, where: str | None) -> SurveyedItems:
        """Return the items that have a side, or those of them that meet a filter."""
        record = self.record
        table = self.table_of(record)
        kept = reduction_of_table(self.store, record.table, record.model.widths).kept(side)
        condition = parse(where, table.columns()) if where else None
        return SurveyedItems.of(table, self._searcher.scan(table, side, kept), side, condition)
