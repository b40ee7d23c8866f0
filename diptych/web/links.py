"""Links that are good without a key for a minute, for what a browser opens by itself.

A page cannot send its key along where a link is followed. So it asks for the link first, with its key, and gets one
that is signed: for this address alone, for a minute, and on behalf of that key. What signs is the key's digest, which
only those know who read the file of keys: every process with that file knows the link, and none does once the key is
revoked.
"""

import hmac
import time
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from diptych.web.keys import Key

SECONDS = 60
"""How long a link may be followed."""


def sign(path: str, *, by: Key) -> str:
    """Return a link to an unquoted path, good for a minute from now on behalf of a key."""
    until = str(int(time.time()) + SECONDS)
    asked = {"by": by.name, "until": until, "signature": _signature(by, path, until)}
    return f"{quote(path)}?{urlencode(asked)}"


def signer(path: str, asked: Mapping[str, str], keys: Iterable[Key]) -> Key | None:
    """Return on behalf of which key a link was signed; None where it was not, for another path, or where it is over.

    >>> ann = Key("ann", "read", "5e88", "")
    >>> asked = dict(part.split("=") for part in sign("/report", by=ann).partition("?")[2].split("&"))
    >>> signer("/report", asked, [ann]).name, signer("/secret", asked, [ann]), signer("/report", asked, [])
    ('ann', None, None)
    """
    key = next((key for key in keys if key.name == asked.get("by")), None)
    until = asked.get("until", "")
    if key is None:
        return None
    signed = hmac.compare_digest(_signature(key, path, until).encode(), asked.get("signature", "").encode())
    return key if signed and int(until) >= time.time() else None


def _signature(key: Key, *parts: str) -> str:
    told = b"".join(f"{len(part.encode())}:".encode() + part.encode() for part in ("link", key.name, *parts))
    return hmac.new(bytes.fromhex(key.sha256), told, "sha256").hexdigest()
