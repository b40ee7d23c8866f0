"""What a collection says of all its items together; no model is loaded for it."""

from diptych.collection.duplicates import Duplicates, find_duplicates, thresholds_of
from diptych.collection.stored_collection import StoredCollection
from diptych.collection.surveyed_items import SurveyedItems
from diptych.collection.tables import reduction_of_table
from diptych.entrance import checks_arguments
from diptych.index.contract import Store
from diptych.index.filters import parse
from diptych.modality import Modality
from diptych.progress import Progress
from diptych.search.searcher import Searcher


class SurveyedCollection(StoredCollection):
    """A collection whose items can be compared with one another."""

    def __init__(self, store: Store, uri: str) -> None:
        super().__init__(store, uri)
        self._searcher = Searcher(store.uri, lasting=store.lasting)

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

    def _surveyed(self, side: Modality, where: str | None) -> SurveyedItems:
        """Return the items that have a side, or those of them that meet a filter."""
        record = self.record
        table = self.table_of(record)
        kept = reduction_of_table(self.store, record.table, record.model.widths).kept(side)
        condition = parse(where, table.columns()) if where else None
        return SurveyedItems.of(table, self._searcher.scan(table, side, kept), side, condition)
