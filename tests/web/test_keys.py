"""Keys in their file."""

import json
from pathlib import Path

import pytest

from diptych.errors import BadSetting, UnknownName
from diptych.web.keys import PREFIX, Keys, default_file


def test_a_key_is_known_again_and_not_kept(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "folder" / "keys.json")
    token = keys.add("ann", "read")
    assert token.startswith(PREFIX)
    holder = keys.holder(token)
    assert holder is not None
    assert (holder.name, holder.allows("read"), holder.allows("write")) == ("ann", True, False)
    assert keys.holder(token + "x") is None
    text = keys.file.read_text()
    assert token not in text
    assert token.removeprefix(PREFIX) not in text
    assert keys.file.stat().st_mode & 0o777 == 0o600


def test_another_process_sees_what_changes(tmp_path: Path) -> None:
    first, second = Keys(tmp_path / "keys.json"), Keys(tmp_path / "keys.json")
    assert list(second) == []
    token = first.add("bob", "write")
    found = second.holder(token)
    assert found is not None
    assert found.allows("write")
    assert found.allows("read")
    first.revoke("bob")
    assert second.holder(token) is None


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.json")
    keys.add("ann", "read")
    with pytest.raises(BadSetting, match="there is a key named 'ann' already"):
        keys.add("ann", "write")
    with pytest.raises(BadSetting, match="the scope of a key must be read or write; got 'all'"):
        keys.add("bob", "all")
    with pytest.raises(BadSetting, match="a key needs a name"):
        keys.add(" ", "read")
    with pytest.raises(UnknownName, match=r"keys has no entry 'anne'\. Did you mean 'ann'\?"):
        keys.revoke("anne")
    keys.file.write_text(json.dumps({"kays": []}))
    with pytest.raises(BadSetting, match="is not a key file"):
        Keys(keys.file).holder("x")


def test_the_usual_file_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIPTYCH_KEYS", str(tmp_path / "k.json"))
    assert default_file() == tmp_path / "k.json"
    monkeypatch.delenv("DIPTYCH_KEYS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_file() == tmp_path / "diptych" / "keys.json"
