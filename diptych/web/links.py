"""Links that are good without a key for a minute, for what a browser opens by itself.

A page cannot send its key along where a link is followed. So it asks for the link first, with its key, and gets one
that is signed: for this address alone, for a minute, and on behalf of that key. The secret is drawn anew in each
process and never leaves it; a link is good in the process that signed it.
"""

import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode

SECONDS = 60
"""How long a link may be followed."""


class Links:
    """Signs links, and says on whose behalf one was signed."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def sign(self, path: str, *, by: str) -> str:
        """Return a link to an unquoted path, good for a minute from now on behalf of a key's name."""
        until = str(int(time.time()) + SECONDS)
        asked = {"by": by, "until": until, "signature": self._signature(path, by, until)}
        return f"{quote(path)}?{urlencode(asked)}"

    def signer(self, path: str, asked: Mapping[str, str]) -> str | None:
        """Return on whose behalf a link was signed; None where it was not, for another path, or where it is over.

        >>> links = Links()
        >>> link = links.sign("/report", by="ann")
        >>> asked = dict(part.split("=") for part in link.partition("?")[2].split("&"))
        >>> links.signer("/report", asked), links.signer("/secret", asked), Links().signer("/report", asked)
        ('ann', None, None)
        """
        by, until = asked.get("by", ""), asked.get("until", "")
        signed = hmac.compare_digest(self._signature(path, by, until).encode(), asked.get("signature", "").encode())
        return by if signed and int(until) >= time.time() else None

    def _signature(self, *parts: str) -> str:
        told = b"".join(f"{len(part.encode())}:".encode() + part.encode() for part in parts)
        return hmac.new(self._secret, told, "sha256").hexdigest()
