"""What a collection says of all its items together."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace as replaced

from diptych.collection.classifying import PLACE, Classification, checked_labels, classify_items, computed_columns
from diptych.collection.column_writing import check_names, write_columns
from diptych.collection.duplicates import Duplicates, find_duplicates, thresholds_of
from diptych.collection.stored_collection import StoredCollection
from diptych.collection.surveyed_items import SurveyedItems
from diptych.collection.tables import reduction_of_table
from diptych.entrance import checks_arguments
from diptych.index.contract import Store
from diptych.index.filters import parse
from diptych.modality import Modality
from diptych.progress import Progress
from diptych.retrieval.answers import Snapshot, compared_side
from diptych.search.searcher import Searcher
from diptych.search_request import SearchRequest


class SurveyedCollection(StoredCollection, ABC):
    """A collection whose items are compared with one another, and with labels."""

    def __init__(self, store: Store, uri: str) -> None:
        super().__init__(store, uri)
        self._searcher = Searcher(store.uri, lasting=store.lasting)

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
        written = write_columns(self.store, computed_columns(found, column), over=replace, progress=progress)
        return replaced(found, written=written)

    def _surveyed(self, side: Modality, where: str | None) -> SurveyedItems:
        """Return the items that have a side, or those of them that meet a filter."""
        record = self.record
        table = self.table_of(record)
        kept = reduction_of_table(self.store, record.table, record.model.widths).kept(side)
        condition = parse(where, table.columns()) if where else None
        return SurveyedItems.of(table, self._searcher.scan(table, side, kept), side, condition)
