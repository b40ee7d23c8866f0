"""The tree of errors and the sentences it makes."""

import inspect

import pytest

from diptych import errors
from diptych.errors import DiptychError, MissingExtra, UnknownName


def kinds() -> list[type[Exception]]:
    return [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


def test_one_root_catches_every_error() -> None:
    assert all(issubclass(kind, DiptychError) for kind in kinds())
    assert len(kinds()) > 10


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_the_drawn_tree_names_every_error_under_its_parent(kind: type[Exception]) -> None:
    lines = (errors.__doc__ or "").splitlines()
    [drawn] = [line for line in lines if kind.__name__ in line.split()]
    depth = (drawn.index(kind.__name__) - 4) // 4
    assert depth == len(kind.__mro__) - len(DiptychError.__mro__)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mscm", "methods has no entry 'mscm'. Did you mean 'mcsm'?"),
        ("zzz", "methods has no entry 'zzz'. There are: cca, corr-ae, mcsm."),
        ("", "methods has no entry ''. There are: cca, corr-ae, mcsm."),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(name: str, sentence: str) -> None:
    assert str(UnknownName.among("methods", name, {"mcsm", "cca", "corr-ae"})) == sentence


def test_an_empty_room_says_that_there_is_nothing() -> None:
    assert str(UnknownName.among("methods", "cca", [])) == "methods has no entry 'cca'. There are: none."


def test_a_missing_extra_says_what_to_install() -> None:
    error = MissingExtra.named("timm", wanted_by="the timm encoders", package="timm")
    assert str(error).endswith("Install it: pip install 'diptych[timm]'.")
