"""Counts the functions and files of diptych that a text query passes, in a collection that is open.

    python bench/query_path.py COLLECTION [--text "a smiling cat"]

first    the first query: the model is loaded for it
next     another one
A function counts once however often it is called; comprehensions and lambdas are not counted.
"""

import argparse
import inspect
import json
import sys
import threading
from pathlib import Path
from types import FrameType

import diptych
from diptych.collection import Collection

PACKAGE = str(Path(diptych.__file__).parent)


class Passed:
    """The functions that are called while the block runs, in all threads that begin in it."""

    def __init__(self) -> None:
        self.functions: set[tuple[str, str]] = set()

    def __enter__(self) -> "Passed":
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        return self

    def __exit__(self, *reason: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _see(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        named = code.co_flags & inspect.CO_OPTIMIZED and "<" not in code.co_name
        if event == "call" and named and code.co_filename.startswith(PACKAGE):
            self.functions.add((code.co_filename, code.co_qualname))

    def counts(self) -> dict[str, int]:
        """Return how many functions there were, and in how many files."""
        return {"functions": len(self.functions), "files": len({file for file, _ in self.functions})}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collection")
    parser.add_argument("--text", default="a smiling cat")
    options = parser.parse_args()
    collection, counts = Collection.open(options.collection), {}
    for name in ("first", "next"):
        with Passed() as passed:
            collection.search(options.text)
        counts[name] = passed.counts()
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
