"""The limits of the service, and the table that documents them."""

import re
from dataclasses import asdict

import pytest

from diptych.errors import BadSetting
from diptych.settings import field_docs, override
from diptych.web.limits import Limits
from diptych.web.routes.collections import FOLDERS

from .processes import GUIDE


def test_the_guide_lists_every_limit_with_its_default() -> None:
    section = GUIDE.read_text(encoding="utf-8").partition("\n## Limits\n")[2]
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", section, re.M)
    assert dict(rows) == {name: str(value) for name, value in asdict(Limits()).items()}
    assert [name for name, _ in rows if name not in field_docs(Limits)] == []


@pytest.mark.parametrize("name", asdict(Limits()))
def test_every_limit_is_an_option(name: str) -> None:
    changed = override(Limits(), [f"{name}=1"])
    assert asdict(changed) == {**asdict(Limits()), name: 1}


def test_a_share_is_at_most_all_and_never_nothing() -> None:
    assert [Limits(share=share).each("streams") for share in (0.01, 0.5, 1.0)] == [1, 4, 8]
    with pytest.raises(BadSetting, match=r"the limit share must be at most 1; got 1\.5\."):
        Limits(share=1.5)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("onnx:/srv/my models/cat.onnx", "onnx:cat.onnx"),
        ("onnx:~/cat.onnx,side=224", "onnx:cat.onnx,side=224"),
        ("hub:museum/cat", "hub:museum/cat"),
        ("efficientnet-lite0", "efficientnet-lite0"),
        ("/srv/runs/first", "first"),
    ],
)
def test_an_encoders_name_is_told_without_folders(name: str, shown: str) -> None:
    assert FOLDERS.sub("", name) == shown
