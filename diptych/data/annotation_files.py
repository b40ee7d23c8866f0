"""Annotations in JSON as the authors of a data set published them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diptych.data.findings import FaultError, Finding
from diptych.data.texts import accepted_text
from diptych.errors import BadManifest, MissingData


def load_annotations(path: Path, *, source: str) -> Any:
    """Return what a file of annotations holds; `source` is the sentence that says where it comes from."""
    if not path.is_file():
        raise MissingData(f"'{path}' does not exist. {source}")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise other_structure(path.name, error) from error


def other_structure(file: str, error: Exception) -> BadManifest:
    """Return the error for a file that is not what its authors published."""
    return BadManifest(
        f"{file} does not have the structure of the official annotations ({error!r}). Download it again."
    )


def accepted_captions(captions: Sequence[Any], *, where: str) -> tuple[str, ...]:
    """Return a picture's captions; `FaultError` if there are none, or one is no text."""
    if not captions:
        raise FaultError(Finding("empty text", where, "it has no caption", "Download the annotations again."))
    return tuple(accepted_text(caption, where=where) for caption in captions)
