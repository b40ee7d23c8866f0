"""Links that a browser follows without a key: for one address, for a minute, on behalf of a key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from diptych.web import links
from diptych.web.keys import Keys
from tests.browser import browser, expect

from .conftest import Running, Serve, fault

__all__ = ["browser"]

REPORT = """<!doctype html><title>Report</title><p id="told">quiet</p><script>
try { told.textContent = "read " + sessionStorage.getItem("diptych-key"); } catch { told.textContent = "kept out"; }
fetch("/v1/collections").catch(() => { told.textContent += ", cut off"; });
</script>"""
PLACE = "/v1/benchmarks/mine%20%26%20yours"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json")


@pytest.fixture
def closed(serve: Serve, keys: Keys, tmp_path: Path) -> Iterator[Running]:
    """Return a service that asks for keys and shows two reports; its client sends a key that reads."""
    for name in ("mine & yours", "other"):
        folder = tmp_path / "benchmarks" / name
        folder.mkdir(parents=True)
        (folder / "table.json").write_text(json.dumps({"data": "tiny", "splits": ["0"], "rows": [], "seed": 0}))
        (folder / "report.html").write_text(REPORT, encoding="utf-8")
    token = keys.add("ann & bob", "read")
    with serve(keys=keys.file, benchmarks=tmp_path / "benchmarks") as started:
        started.client.headers["Authorization"] = f"Bearer {token}"
        yield started


def link_of(started: Running) -> str:
    answer = started.client.get(f"{PLACE}/link")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["seconds"] == 60
    url: str = answer.json()["url"]
    return url


def followed(started: Running, url: str, method: str = "GET", **options: Any) -> Any:
    del started.client.headers["Authorization"]
    return started.client.request(method, url, **options)


def test_a_link_opens_its_report_within_its_walls(closed: Running) -> None:
    url = link_of(closed)
    assert url.startswith(f"{PLACE}/report?by=ann+%26+bob&until=")
    answer = followed(closed, url)
    assert (answer.status_code, answer.text) == (200, REPORT)
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "changed",
    [
        {"by": "ann"},
        {"until": "99999999999"},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"until": "soon"},
        {"by": ""},
    ],
    ids=str,
)
def test_a_link_that_was_changed_opens_nothing(closed: Running, changed: dict[str, str]) -> None:
    path, _, asked = link_of(closed).partition("?")
    answer = followed(closed, f"{path}?{urlencode({**dict(parse_qsl(asked)), **changed})}")
    assert answer.status_code == 401
    assert fault(answer)["code"] == "bad_link"
    assert fault(answer)["hint"] == "Open it from the page again."


def test_a_link_is_good_for_its_address_alone(closed: Running) -> None:
    asked = link_of(closed).partition("?")[2]
    for path in ("/v1/benchmarks/other/report", f"{PLACE}/link", "/v1/collections", "/v1/collections/shop/items/p1"):
        assert followed(closed, f"{path}?{asked}").status_code == 401, path
        closed.client.headers["Authorization"] = "gone"
    for method in ("DELETE", "PUT", "POST"):
        answer = followed(closed, f"/v1/collections/shop/items/p1?{asked}", method, data={"text": "a"})
        assert answer.status_code in (401, 405), method
        closed.client.headers["Authorization"] = "gone"


def test_a_link_ends_after_a_minute(closed: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    url, now = link_of(closed), links.time.time()
    monkeypatch.setattr(links.time, "time", lambda: now + 58)
    assert followed(closed, url).status_code == 200
    monkeypatch.setattr(links.time, "time", lambda: now + 62)
    closed.client.headers["Authorization"] = "gone"
    assert followed(closed, url).status_code == 401


def test_a_link_ends_with_the_key_that_asked_for_it(closed: Running, keys: Keys) -> None:
    url = link_of(closed)
    keys.revoke("ann & bob")
    assert followed(closed, url).status_code == 401


def test_a_link_needs_a_key_to_be_made_and_something_to_lead_to(closed: Running) -> None:
    assert closed.client.get("/v1/benchmarks/nothing/link").status_code == 404
    assert followed(closed, f"{PLACE}/link").status_code == 401


def test_where_no_keys_are_asked_for_a_link_is_the_address(serve: Serve, closed: Running, tmp_path: Path) -> None:
    with serve(benchmarks=tmp_path / "benchmarks") as started:
        url = link_of(started)
        assert url == f"{PLACE}/report"
        assert started.client.get(url).text == REPORT


def test_another_process_with_the_same_file_of_keys_knows_a_link(keys: Keys, tmp_path: Path) -> None:
    keys.add("ann", "read")
    [ann] = keys
    path, _, query = links.sign("/report", by=ann).partition("?")
    asked = dict(parse_qsl(query))
    assert links.signer(path, asked, Keys(keys.file)) == ann
    other = Keys(tmp_path / "other.json")
    other.add(ann.name, ann.scope)
    assert links.signer(path, asked, other) is None


@pytest.mark.parametrize("beside", [False, True])
def test_the_page_opens_a_report_that_cannot_read_the_key(
    browser: Any, closed: Running, keys: Keys, *, beside: bool
) -> None:
    token = keys.add("reader", "read")
    with browser.new_context(base_url=f"http://127.0.0.1:{closed.port}") as context:
        page = context.new_page()
        page.goto("/?tab=benchmarks")
        page.get_by_label("Key", exact=True).fill(token)
        page.keyboard.press("Enter")
        link = page.get_by_role("link", name="Full report").first
        if beside:
            with context.expect_page() as other:
                link.click(modifiers=["Control"])
            report = other.value
        else:
            link.click()
            report = page
        expect(report.locator("#told")).to_have_text("kept out, cut off")
        assert "signature=" in report.url
        assert token not in report.url
