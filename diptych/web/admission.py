"""Admission control: allowed hosts and origins, keys with the required scope, and rate limits."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from math import ceil
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request

from diptych.web.keys import Key, Keys, Scope
from diptych.web.limits import Limits
from diptych.web.links import sign, signer
from diptych.web.refusals import refuse

REMEMBERED = 10_000
"""Users whose request rates are tracked."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Loopback names of this machine."""
SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods without side effects."""
NAME = 253
"""Characters of the longest host name."""


@dataclass
class _Bucket:
    tokens: float
    filled: float = field(default_factory=time.monotonic)


class Rates:
    """A token bucket for each user."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, user: str) -> None:
        """Take a token for a request; raise `Refused` (429) if the bucket is empty."""
        rate, burst = self._limits.rate, float(self._limits.burst)
        if not rate:
            return
        bucket = self._buckets.setdefault(user, _Bucket(burst))
        self._buckets.move_to_end(user)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        now = time.monotonic()
        bucket.tokens = min(burst, bucket.tokens + rate * (now - bucket.filled))
        bucket.filled = now
        if bucket.tokens < 1:
            wait = max(1, ceil((1 - bucket.tokens) / rate))
            raise refuse(429, f"more than {rate:g} requests per second. Wait a moment.", retry_after=wait)
        bucket.tokens -= 1


@dataclass(frozen=True)
class Admission:
    """The rules by which the service admits a request."""

    rates: Rates
    keys: Keys | None = None
    """None when no keys are required."""
    hosts: tuple[str, ...] = ()
    """Accepted host names, as a defence against DNS rebinding; empty to accept any."""
    origins: tuple[str, ...] = ()
    """Origins of other sites whose pages may use the service."""

    def check_site(self, method: str, headers: Headers, *, scheme: str = "http") -> None:
        """Refuse a request with an unknown host name, or from a page of another site."""
        host = headers.get("host", "")
        if self.hosts and host_name(host) not in self.hosts:
            raise refuse(
                421,
                f"this service does not answer to the host name {host_name(host)[:NAME]!r}. Use its own name, or start "
                "it with --allow-host.",
            )
        if not (self._is_from_here(method, headers, f"{scheme}://{host}") or headers.get("origin") in self.origins):
            raise refuse(403, "pages of other sites may not use this service. Allow theirs with --allow-origin.")

    def _is_from_here(self, method: str, headers: Headers, own: str) -> bool:
        """Return whether a request comes from a page of this service, or from no page, as far as its sender says.

        Browsers state in Sec-Fetch-Site how the two sites are related, and no page can change that. It also tells that
        a page is the service's own where HTTPS ends at a proxy that does not report it. Links from anywhere may lead
        here: following one is a navigation of the whole window.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site == "cross-site" and not (method in SAFE and _opens_a_window(headers)):
            return False
        if origin is None or method in SAFE:
            return True
        own_host = origin.partition("://")[2] == own.partition("://")[2]
        return origin == own or (own_host and site == "same-origin")

    def admit(self, request: Request, scope: Scope) -> None:
        """Admit a request and record its user and scope; raise `Refused` (401, 403 or 429) otherwise."""
        if self.keys is None:
            user = request.client.host if request.client else ""
            request.state.sharer = "" if user in LOOPBACK else user
            request.state.scope = "write"
        else:
            signed = request.method == "GET" and "signature" in request.query_params
            key = _of_link(self.keys, request) if signed else _of_header(self.keys, request)
            request.state.key, request.state.user = key, (user := key.name)
            request.state.sharer = user
            request.state.scope = key.scope
            if not key.allows(scope):
                raise refuse(403, f"the key {key.name!r} may only read. Use one with the scope write.")
        self.rates.take(user)

    def link(self, request: Request, path: str) -> str:
        """Return a link to an unquoted path that the sender of the request can follow without a key for a minute."""
        return quote(path) if self.keys is None else sign(path, by=request.state.key)


def _opens_a_window(headers: Headers) -> bool:
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"


def _of_header(keys: Keys, request: Request) -> Key:
    """Return the key in the request header."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise refuse(401, "this service requires a key. Send it: Authorization: Bearer KEY.")
    if (key := keys.holder(token.strip())) is None:
        raise refuse(401, "this key is unknown. Create one: diptych keys add NAME.", code="bad_key")
    return key


def _of_link(keys: Keys, request: Request) -> Key:
    """Return the key that signed a link, if it still exists; a link grants read access only."""
    if (key := signer(request.scope["path"], request.query_params, keys)) is None:
        raise refuse(
            401, "this link has expired; it is valid for a minute. Open it from the page again.", code="bad_link"
        )
    return replace(key, scope="read")


def host_name(host: str) -> str:
    """Return a Host header without its port, in lower case.

    >>> host_name("LocalHost:8000"), host_name("[::1]:8000")
    ('localhost', '::1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()
