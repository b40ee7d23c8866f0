"""Signed links that work without a key for a minute, for addresses that a browser opens itself.

A browser does not send the key when it follows a link. The page therefore requests the link first, with its key, and
receives a signed one: for this address only, for a minute, and on behalf of that key. The key's digest signs it, which
only readers of the key file know. Every process with that file can verify the link; once the key is revoked, none
accepts it.
"""

import hmac
import time
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from diptych.web.keys import Key

SECONDS = 60
"""How long a link is valid."""


def sign(path: str, *, by: Key) -> str:
    """Return a link to an unquoted path, signed by a key and valid for a minute from now."""
    until = str(int(time.time()) + SECONDS)
    asked = {"by": by.name, "until": until, "signature": _signature(by, path, until)}
    return f"{quote(path)}?{urlencode(asked)}"


def signer(path: str, asked: Mapping[str, str], keys: Iterable[Key]) -> Key | None:
    """Return the key that signed a link; None if the signature is missing, expired or for another path.

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
