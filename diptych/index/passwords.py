"""Keeps passwords out of printed and stored text."""

import re

SHOWN = "***"
"""The replacement for a password."""
_BEFORE_HOST = re.compile(r"(//[^:/?#@]*:).*@", re.DOTALL)
"""A user's name, and a password up to the last @: what was not written as %XX may be part of it."""
_AS_PARAMETER = re.compile(r"([?&](?:[a-z]*password|token|secret)=).*?(?=&|#[^#]*\Z|\Z)", re.DOTALL | re.IGNORECASE)


def masked(uri: str) -> str:
    """Return a URI as it may be shown and stored: without passwords and tokens; a path stays as it is.

    >>> masked("postgresql://ann:s3cret@db:5432/shop?sslpassword=more&connect_timeout=5#museum")
    'postgresql://ann:***@db:5432/shop?sslpassword=***&connect_timeout=5#museum'
    >>> masked("postgresql://ann@db:5432/shop")
    'postgresql://ann@db:5432/shop'
    """
    return _AS_PARAMETER.sub(rf"\g<1>{SHOWN}", _BEFORE_HOST.sub(rf"\g<1>{SHOWN}@", uri))


def has_loose_at(uri: str) -> bool:
    """Return whether an @ stands where it may be part of a password that was not written as %XX.

    >>> has_loose_at("postgresql://ann:p@ss@db/shop"), has_loose_at("postgresql://ann:p%40ss@db/shop")
    (True, False)
    """
    authority, _, path = uri.partition("://")[2].partition("/")
    return authority.count("@") > 1 or "@" in path.partition("?")[0]
