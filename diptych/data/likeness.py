"""Near-identical pictures: copies that were scaled, recompressed or stored in another format.

A picture's fingerprint is its thumbnail of 16 x 16 pixels in red, green and blue, less its mean and scaled to unit
length. Two pictures are near-identical if the cosine of their fingerprints is at least `ALIKE`. Of 1,000 photographs of
Pascal Sentence no two are; of 1,869 pictograms of OpenMoji 67 pairs are, such as a face with and without a tear.

Fingerprints are cached by the place, size and time of change of the files. Pictures behind URLs, and such as cannot be
read, have none: they are told apart by their addresses.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8
from PIL import Image
from scipy.spatial import cKDTree

from diptych.data.addresses import Picture, is_url
from diptych.data.pictures import decode
from diptych.errors import DiptychError
from diptych.files import digest, written_atomically
from diptych.progress import Progress
from diptych.settings import cache_root, thread_count

ALIKE = 0.995
"""The lowest cosine of near-identical pictures: above those of different ones, below those of JPEG copies."""
SIDE = 16
FAINT = 2.0
"""A thumbnail whose channels all deviate by less than this, of 255, is of one colour and like no other."""
LEADING = 16
"""Principal components in which candidates are looked for."""


def near_identical(pictures: Sequence[Picture | None], *, progress: Progress | None = None) -> list[list[int]]:
    """Return groups of positions with near-identical pictures; a group is connected, not necessarily a clique."""
    thumbnails, known = _cached(pictures, progress)
    own = np.flatnonzero(known)
    distinct, which = np.unique(thumbnails[own], axis=0, return_inverse=True)
    labels = _labels(_fingerprints(distinct))[which.ravel()]
    order = np.argsort(labels, kind="stable")
    groups = np.split(own[order], np.flatnonzero(np.diff(labels[order])) + 1)
    return [group.tolist() for group in groups if len(group) > 1]


def picture_fingerprints(
    pictures: Sequence[Picture | None], *, progress: Progress | None = None
) -> tuple[Float32[np.ndarray, "n d"], Bool[np.ndarray, " n"]]:
    """Return the fingerprints of pictures, rows of unit length, and which have one; the rows of others are zero."""
    thumbnails, known = _cached(pictures, progress)
    rows = np.zeros(thumbnails.shape, dtype=np.float32)
    rows[known] = _fingerprints(thumbnails[known])
    return rows, known


def thumbnail(picture: Picture) -> UInt8[np.ndarray, " d"] | None:
    """Return the thumbnail's numbers in one row; None if the picture cannot be read or is of one colour."""
    try:
        small = decode(picture, side=2 * SIDE).resize((SIDE, SIDE), Image.Resampling.BOX)
    except DiptychError:
        return None
    values = np.asarray(small, dtype=np.uint8).reshape(-1, 3)
    return values.ravel() if values.std(0).max() >= FAINT else None


def _labels(rows: Float32[np.ndarray, "n d"]) -> Int64[np.ndarray, " n"]:
    """Return a label for each unit row, the same for rows that pairs with a cosine of at least `ALIKE` connect.

    |x - y|^2 = 2 - 2 cos, and no projection onto orthonormal directions lengthens x - y: rows are candidates if they
    are as close in the leading principal components. Candidates are looked at row by row, since thousands of frames of
    one film are millions of pairs.
    """
    labels = np.arange(len(rows))
    if len(rows) < 2:
        return labels
    centred = rows - rows.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    coordinates = rows @ directions[:, -LEADING:]
    radius = np.sqrt(2 - 2 * ALIKE) * (1 + 1e-5)
    tree = cKDTree(coordinates)
    crowd = tree.query_ball_point(coordinates, radius, return_length=True, workers=thread_count())
    for row in np.flatnonzero(crowd > 1):
        near = np.array(tree.query_ball_point(coordinates[row], radius))
        if (labels[near] == labels[row]).all():
            continue
        joined = np.unique(labels[near[rows[near] @ rows[row] >= ALIKE]])
        if len(joined) > 1:
            labels[np.isin(labels, joined)] = joined[0]
    return labels


def _fingerprints(thumbnails: UInt8[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    rows = thumbnails.astype(np.float32)
    rows -= rows.mean(1, keepdims=True)
    fingerprints: Float32[np.ndarray, "n d"] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return fingerprints


def _cached(
    pictures: Sequence[Picture | None], progress: Progress | None
) -> tuple[UInt8[np.ndarray, "n d"], Bool[np.ndarray, " n"]]:
    """Return the thumbnails of pictures, and which have one."""
    stamps = [_stamp(picture) for picture in pictures]
    file = cache_root() / "thumbnails" / f"{digest(*map(repr, stamps))}.npz"
    if file.is_file():
        with np.load(file, allow_pickle=False) as kept:
            return kept["thumbnails"], kept["known"]
    thumbnails = np.zeros((len(pictures), 3 * SIDE * SIDE), dtype=np.uint8)
    known = np.zeros(len(pictures), dtype=bool)
    rows = [row for row, stamp in enumerate(stamps) if stamp is not None]
    with ThreadPoolExecutor(thread_count()) as threads:
        found = threads.map(lambda row: thumbnail(pictures[row]), rows)  # type: ignore[arg-type]  # it has a stamp
        for done, (row, values) in enumerate(zip(rows, found, strict=True), start=1):
            if values is not None:
                thumbnails[row], known[row] = values, True
            if progress is not None:
                progress(done, len(rows), "comparing pictures")
    with written_atomically(file) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, thumbnails=thumbnails, known=known)
    return thumbnails, known


def _stamp(picture: Picture | None) -> tuple[str, int, int] | None:
    """Return a local picture's address with the size and the time of change of its file; None without one."""
    if picture is None or (not isinstance(picture, Path) and is_url(picture.place)):
        return None
    place = picture if isinstance(picture, Path) else Path(picture.place)
    try:
        state = place.stat()
    except OSError:
        return None
    return str(picture), state.st_size, state.st_mtime_ns
