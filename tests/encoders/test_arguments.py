import builtins
from pathlib import Path

import pytest

from diptych.encoders.arguments import import_extra
from diptych.errors import MissingExtra


def test_a_package_that_is_there_is_imported() -> None:
    assert import_extra("builtins", extra="any") is builtins


def test_a_missing_package_says_which_extra_brings_it() -> None:
    message = r"the open-clip encoders need the package no_such_package. Install it: pip install 'diptych\[open-clip\]'"
    with pytest.raises(MissingExtra, match=message):
        import_extra("no_such_package", extra="open-clip")


def test_a_torchvision_of_another_torch_is_named_with_how_to_install_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "sees_with_torchvision.py").write_text(
        'raise RuntimeError("operator torchvision::nms does not exist")\n'
    )
    (tmp_path / "broken_otherwise.py").write_text('raise RuntimeError("out of luck")\n')
    message = (
        "sees_with_torchvision cannot be imported, because the installed torchvision was built for another torch"
        ".* in one command: pip install --upgrade torch torchvision"
    )
    with pytest.raises(MissingExtra, match=message):
        import_extra("sees_with_torchvision", extra="timm")
    with pytest.raises(RuntimeError, match="out of luck"):
        import_extra("broken_otherwise", extra="timm")
