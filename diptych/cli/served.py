"""`diptych search` in a collection that a service serves, through the service's client: no model is loaded here."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from diptych.collection import Hit, Results
from diptych.errors import BadSetting, Refused
from diptych.search_request import SearchRequest

if TYPE_CHECKING:
    from diptych.client import Client

KEY = "DIPTYCH_KEY"
"""The environment variable with the key of a service: what stands in a command is read by others."""


@contextmanager
def searched_service(url: str, fields: Mapping[str, Any], *, with_pictures: bool) -> Iterator[Results]:
    """Yield the answer of a service to a search request in the collection that its URL ends in.

    `with_pictures` fetches the hits' thumbnails too, which are there until the block ends. `BadSetting` if the URL
    is none, or names no collection and several are served; `Refused` with the service's own sentence.
    """
    from diptych.client import Client

    request = SearchRequest(**fields)
    base, name = _base_and_name(url)
    title = fields["image"] if request.text is None and fields["image"] is not None else str(request.title)
    with TemporaryDirectory(prefix="diptych-") as folder:
        try:
            with Client(base, key=os.environ.get(KEY)) as client:
                answer = client.search(name or _only_collection(client, url), **fields)
                files = {
                    each.rank: _saved(client, each.thumbnail, Path(folder, f"{each.rank}.webp"))
                    for each in answer.hits
                    if with_pictures and each.thumbnail
                }
        except Refused as refusal:
            if refusal.status != 401:
                raise
            raise Refused(401, f"{refusal} Put the key into the variable {KEY}.", code=refusal.code) from None
        hits = tuple(
            Hit(
                each.id, each.similarity, each.similarities, files.get(each.rank), tuple(each.texts),
                tuple(each.categories), each.columns,
            )
            for each in answer.hits
        )  # fmt: skip
        yield Results(title, hits, answer.attribution, exact=answer.exact, total=answer.total)


def _base_and_name(url: str) -> tuple[str, str]:
    """Return the URL of a service and the collection's name, which may be empty."""
    try:
        address = urlsplit(url)
    except ValueError as error:
        raise BadSetting(f"{url} is not a URL ({error}). Give one such as http://localhost:8000/shop.") from None
    path, _, name = address.path.rstrip("/").rpartition("/")
    return f"{address.scheme}://{address.netloc}{path}", unquote(name)


def _only_collection(client: "Client", url: str) -> str:
    names = client.collections()
    if len(names) != 1:
        raise BadSetting(
            f"{url} serves {'the collections ' + ', '.join(names) if names else 'no collection'}. Name the one to "
            f"search: {url.rstrip('/')}/{names[0] if names else 'NAME'}."
        )
    return names[0]


def _saved(client: "Client", thumbnail: str, file: Path) -> Path:
    file.write_bytes(client.thumbnail(thumbnail))
    return file
