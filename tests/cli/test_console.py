import json

import pytest

from diptych.cli.console import spelt, write_json, write_table


@pytest.mark.parametrize(
    ("cell", "text"), [(None, "–"), (0.61249, "0.612"), (1234, "1,234"), (True, "yes"), (False, "no"), ("cat", "cat")]
)
def test_cells_are_spelt_for_people(cell: object, text: str) -> None:
    assert spelt(cell) == text


def test_a_table_keeps_brackets_and_sets_numbers_flush_right(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(("text", "n"), [("[bold]a cat[/bold]", 1), ("a dog", 1000)], title="pets [x]")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0].strip() == "pets [x]"
    assert any("[bold]a cat[/bold]" in line for line in lines)
    assert lines[-1].rstrip().endswith("1,000")
    assert lines[-2].rstrip().endswith("    1")


def test_json_is_one_line_and_keeps_every_script(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"text": "猫\nche"})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "猫" in out
    assert json.loads(out) == {"text": "猫\nche"}
