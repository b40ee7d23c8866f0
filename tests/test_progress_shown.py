import io
import sys

import pytest

from diptych import progress_shown
from diptych.cli.console import shown_progress
from diptych.progress_shown import Lines, NotebookBars, Pace, in_notebook


def test_progress_without_a_terminal_is_told_first_and_last(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    clock = iter(range(100))
    monkeypatch.setattr(progress_shown.time, "perf_counter", lambda: float(next(clock)) / 10)
    tell = Lines(told.append)
    for done in range(5):
        tell(done, 4, "pictures")
    first, last = told
    assert first == "pictures: 0 of 4"
    assert last.startswith("pictures: 4 of 4, ")
    assert last.endswith("/s")


def test_progress_is_told_again_after_some_seconds_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    now = [0.0]
    monkeypatch.setattr(progress_shown.time, "perf_counter", lambda: now[0])
    tell = Lines(told.append)
    for seconds, done in ((0.0, 100), (1.0, 110), (6.0, 160)):
        now[0] = seconds
        tell(done, 1000, "training: epoch 1")
    assert told == [
        "training: epoch 1: 100 of 1,000",
        "training: epoch 1: 160 of 1,000, 10/s, 1:24 left",
    ]


def test_a_total_that_nobody_knows_is_left_out() -> None:
    told: list[str] = []
    Lines(told.append)(7, 0, "set.zip")
    assert told == ["set.zip: 7"]


def test_the_last_of_an_unknown_total_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress() as tell:
        for done in (256, 512, 600):
            tell(done, 0, "items")
    first, last = capsys.readouterr().err.splitlines()
    assert first == "items: 256"
    assert last.startswith("items: 600, ")


def test_what_was_done_before_does_not_count_in_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress_shown.time, "perf_counter", lambda: now[0])
    pace = Pace(900)
    assert (pace.rate(900), pace.left(900, 1000)) == ("", "")
    now[0] = 20.0
    assert (pace.rate(910), pace.left(910, 1000)) == ("2.0 s each", "3:00 left")
    assert pace.rate(960) == "3.0/s"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_bar_for_each_piece_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with shown_progress() as tell:
        tell(5, 10, "pictures")
        tell(10, 10, "pictures")
        tell(1, 0, "training: epoch 1")
        tell(2, 0, "training: epoch 2")
    last = terminal.getvalue().split("\x1b[2K")[-1]
    assert "pictures" in last
    assert "10/10" in last
    assert "training: epoch 2" in last
    assert "epoch 1" not in last


def test_a_notebook_gets_a_bar_for_each_piece_of_work_and_is_not_flooded(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    now = [100.0]
    monkeypatch.setattr(progress_shown.time, "perf_counter", lambda: now[0])
    bars = NotebookBars(shown.append)
    for done in range(1, 11):
        now[0] += 0.05
        bars(done, 10, "pictures <new>")
    assert len(shown) == 3
    assert shown[-1].startswith('<div><progress value="10" max="10"></progress> pictures &lt;new&gt;: 10 of 10, ')
    now[0] += 1
    bars(7, 0, "items")
    assert shown[-1].endswith("<div>items: 7</div>")
    assert shown[-1].count("<div>") == 2
    bars(8, 0, "items")
    assert len(shown) == 4
    bars.draw()
    assert "items: 8" in shown[-1]


def test_a_test_is_no_notebook() -> None:
    assert not in_notebook()
