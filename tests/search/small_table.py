"""A table by brute force that notes what is asked of it, and whose items are nothing but pictures' vectors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from diptych.index.contract import Layout
from diptych.index.items import Items, ItemVectors
from diptych.modality import Modality
from tests.index.oracle import OracleTable


class SmallTable(OracleTable):
    """Items with a vector each, or with none."""

    def __init__(self, vectors: Mapping[str, np.ndarray | None], width: int, name: str = "small") -> None:
        super().__init__(name, Layout({"image": width}))
        self.versioned = True
        self.asked: list[str] = []
        """Ids of items that were read one by one."""
        self.scanned = 0
        """How often all vectors were read."""
        self.put(vectors)

    def put(self, vectors: Mapping[str, np.ndarray | None]) -> None:
        """Write items anew; each write makes another content."""
        ids = tuple(vectors)
        rows = np.zeros((len(ids), self.layout.widths["image"]), np.float32)
        for row, vector in zip(rows, vectors.values(), strict=True):
            row[:] = 0 if vector is None else vector
        present = np.array([vector is not None for vector in vectors.values()], dtype=bool)
        nothing: Any = ((None,) * len(ids), ((),) * len(ids), ({},) * len(ids))
        self.write(Items(ids, (str(self.writes),) * len(ids), *nothing, {"image": ItemVectors(rows, present)}))

    def vectors(self) -> dict[str, np.ndarray]:
        """Return the vector of each item that has one."""
        return {item: row.vectors["image"] for item, row in sorted(self.rows.items()) if row.vectors}

    @override
    def version(self) -> str | None:
        return super().version() if self.versioned else None

    @override
    def read(self, ids: Sequence[str] | None = None, **named: Any) -> Items:
        self.asked += ids or ()
        return super().read(ids, **named)

    @override
    def blocks(self, side: Modality) -> Iterator[tuple[list[str], np.ndarray]]:
        self.scanned += 1
        found = list(self.vectors().items())
        for start in range(0, len(found), 100):
            ids, vectors = zip(*found[start : start + 100], strict=True)
            yield list(ids), np.stack(vectors)
