"""Asking a service over HTTP."""

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from diptych.client.answers import Explained, Item, Likeness, SearchAnswer, Taken
from diptych.client.reading import explained, made, search_answer
from diptych.entrance import PictureLike, checks_arguments, given_picture
from diptych.errors import BadSetting, MissingExtra, Refused
from diptych.request_fields import options_of, takes_fields_of
from diptych.search_request import SearchRequest

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtra.named("client", wanted_by="clients of the service", package="httpx") from error

RETRIES = 3
"""How often a request is repeated if the service is busy or the connection fails."""
LATER = (429, 502, 503, 504)
"""The statuses after which it is repeated: those of the service, or of a proxy that reached none."""
PAUSE = 1.0
"""Seconds to wait if the answer does not say how long."""
AT_ONCE = 256
"""Items in one request of `put_many`."""


@dataclass(frozen=True)
class SentRequest(SearchRequest):
    """A search request for a service, which validates it."""

    def __post_init__(self) -> None:
        pass


class Client:
    """A connection to a service at a URL; use one client per thread."""

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 60.0) -> None:
        self.url = url
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        try:
            self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        except httpx.InvalidURL as error:
            raise BadSetting(f"{url} is not a URL ({error}). Give one such as http://localhost:8000.") from None

    def collections(self) -> list[str]:
        """Return the names of the collections."""
        return [each["name"] for each in self._json("GET", "/v1/collections")]

    def describe(self, collection: str) -> dict[str, Any]:
        """Return a collection's counts, columns and model, and how it is searched."""
        told: dict[str, Any] = self._json("GET", _path(collection))
        return told

    @takes_fields_of(SentRequest)
    def search(self, collection: str, request: SentRequest) -> SearchAnswer:
        """Return the k best items after the first `offset`, as `Collection.search` does."""
        fields = {option.wire: getattr(request, option.name) for option in options_of(SentRequest)}
        image = fields.pop("image")
        data = _present({"collection": collection, **fields})
        return search_answer(self._json("POST", "/v1/search", data=data, files=_files(image)))

    @checks_arguments
    def explain(
        self,
        collection: str,
        identity: str | None = None,
        text: str | None = None,
        *,
        image: PictureLike | None = None,
        like: str | None = None,
        against: str | None = None,
        fusion: str | None = None,
    ) -> Explained:
        """Explain an item's similarity to a text, a picture or the item `like`, as `Collection.explain` does.

        Without an item, pass a text and a picture: their similarity is explained.
        """
        asked = {"collection": collection, "id": identity, "text": text, "like": like, "against": against}
        asked |= {"fusion": fusion}
        return explained(self._json("POST", "/v1/explain", data=_present(asked), files=_files(image)))

    @checks_arguments
    def similarity(
        self,
        text: str,
        image: PictureLike,
        *,
        collection: str | None = None,
        model: str | None = None,
        fusion: str | None = None,
    ) -> Likeness:
        """Return the similarity of a text and a picture by a collection's model or a served one."""
        asked = _present({"text": text, "collection": collection, "model": model, "fusion": fusion})
        return made(Likeness, self._json("POST", "/v1/similarity", data=asked, files=_files(image)))

    def get(self, collection: str, identity: str) -> Item:
        """Return an item."""
        return made(Item, self._json("GET", _path(collection, "items", identity)))

    def items(self, collection: str, *, where: str | None = None) -> Iterator[Item]:
        """Yield all items, or those that meet a filter, in order of id."""
        after: str | None = None
        while True:
            asked = _present({"where": where, "after": after})
            part = self._json("GET", _path(collection, "items"), params=asked)
            yield from (made(Item, item) for item in part["items"])
            if (after := part["after"]) is None:
                return

    @checks_arguments
    def put(
        self,
        collection: str,
        identity: str,
        *,
        texts: Sequence[str] = (),
        image: PictureLike | None = None,
        columns: Mapping[str, Any] | None = None,
    ) -> str:
        """Upsert an item; return `added`, `updated` or `unchanged`."""
        asked = {"text": list(texts), "columns": json.dumps(dict(columns or {}))}
        path = _path(collection, "items", identity)
        return str(self._json("PUT", path, data=asked, files=_files(image))["outcome"])

    def put_many(self, collection: str, rows: Iterable[Mapping[str, Any]]) -> Taken:
        """Upsert many items, each with `id`, `text` or `texts`, `image` (a path or bytes) and any other columns.

        They are sent a few hundred at a time; if a request fails, the items of earlier ones stay.
        """
        taken, source = Taken(), iter(rows)
        while part := list(islice(source, AT_ONCE)):
            content = "".join(json.dumps(_line(row), ensure_ascii=False) + "\n" for row in part).encode()
            answer = self._sent(
                "POST", _path(collection, "items"), content=content, headers={"Content-Type": "application/x-ndjson"}
            )
            for line in map(json.loads, answer.text.splitlines()):
                _raise_fault(line, answer.status_code)
                if not line.get("done"):
                    reasons = {str(part[each["line"] - 1].get("id")): each["reason"] for each in line["rejects"]}
                    taken.rejected = {**taken.rejected, **reasons}
                else:
                    taken.added += line["added"]
                    taken.updated += line["updated"]
                    taken.unchanged += line["unchanged"]
        return taken

    @checks_arguments
    def remove(self, collection: str, identity: str) -> None:
        """Remove an item; `Refused` if there is none."""
        self._json("DELETE", _path(collection, "items", identity))

    def thumbnail(self, thumbnail: str, *, side: int = 256) -> bytes:
        """Return the thumbnail of a hit or an item, as WebP."""
        return self._sent("GET", thumbnail, params={"side": side}).content

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return self._sent(method, path, **options).json()

    def _sent(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer, after waiting as long as the service asks.

        A request may be sent twice, which is safe: searches change nothing, and items are upserted and removed by id. A
        removal that was lost and finds no item when it is repeated has succeeded.
        """
        lost = False
        for left in reversed(range(RETRIES + 1)):
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                if not left or not _passing(error):
                    message = f"no service answers at {self.url}: {error}. Start it: diptych serve COLLECTION."
                    raise Refused(503, message, code="gone") from error
                lost = True
                time.sleep(PAUSE)
                continue
            if answer.status_code not in LATER or not left:
                break
            lost = lost or answer.status_code in (502, 504)
            time.sleep(_wait(answer))
        if answer.is_error and not (lost and method == "DELETE" and answer.status_code == 404):
            _raise_fault(_body(answer), answer.status_code)
        return answer


def _passing(error: httpx.TransportError) -> bool:
    """Return whether an error of the connection may pass, so that a request is repeated; a timeout does not."""
    slow = httpx.ReadTimeout | httpx.WriteTimeout | httpx.PoolTimeout
    return not isinstance(error, slow | httpx.UnsupportedProtocol | httpx.LocalProtocolError)


def _wait(answer: httpx.Response) -> float:
    """Return the seconds that an answer asks to wait; a date is ignored."""
    told = answer.headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else PAUSE


def _raise_fault(body: Mapping[str, Any], status: int) -> None:
    if fault := body.get("error"):
        raise Refused(status, fault["message"], code=fault["code"])


def _body(answer: httpx.Response) -> dict[str, Any]:
    """Return the body of an error; that of a proxy may have any shape."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return body
    return {"error": {"code": "refused", "message": f"{answer.url} answered {answer.status_code}: {answer.text[:200]}"}}


def _path(collection: str, *parts: str) -> str:
    return "/".join(["/v1/collections", quote(collection, safe=""), *(quote(part, safe="") for part in parts)])


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value not in ([], ())}


def _files(image: PictureLike | None) -> dict[str, tuple[str, bytes]] | None:
    return None if image is None else {"image": ("picture", _bytes(image))}


def _bytes(image: PictureLike) -> bytes:
    given = given_picture(image)
    return given.read_bytes() if isinstance(given, Path) else given


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as a line of the request."""
    if row.get("image") is None:
        return dict(row)
    return {**row, "image": base64.b64encode(_bytes(row["image"])).decode("ascii")}
