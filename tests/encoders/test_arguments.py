import builtins

import pytest

from diptych.encoders.arguments import import_extra
from diptych.errors import MissingExtra


def test_a_package_that_is_there_is_imported() -> None:
    assert import_extra("builtins", extra="any") is builtins


def test_a_missing_package_says_which_extra_brings_it() -> None:
    message = r"the open-clip encoders need the package no_such_package. Install it: pip install 'diptych\[open-clip\]'"
    with pytest.raises(MissingExtra, match=message):
        import_extra("no_such_package", extra="open-clip")
