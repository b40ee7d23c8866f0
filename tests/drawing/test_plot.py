from diptych.drawing.plot import Axis, path, plot

ACROSS = Axis(0.0, 10.0, 30.0, 130.0, [(0.0, "0"), (5.0, "<5>")], "time")
UP = Axis(1.0, 2.0, 90.0, 10.0, [(1.0, "one")], "height")


def test_an_axis_runs_from_its_start_to_its_stop() -> None:
    assert [ACROSS.at(value) for value in (0.0, 5.0, 10.0)] == [30.0, 80.0, 130.0]
    assert [UP.at(value) for value in (1.0, 1.5, 2.0)] == [90.0, 50.0, 10.0]


def test_a_path_is_placed_by_both_axes() -> None:
    assert 'points="30.0,90.0 130.0,10.0"' in path(ACROSS, UP, [(0.0, 1.0), (10.0, 2.0)], class_="curve")


def test_a_plot_holds_its_words_its_ticks_and_its_marks() -> None:
    mark = path(ACROSS, UP, [(0.0, 1.0), (10.0, 2.0)], class_="curve")
    drawn = plot(ACROSS, UP, [mark], size=(140, 120), title="a < b", description="rising")
    assert "<title>a &lt; b</title><desc>rising</desc>" in drawn
    assert 'viewBox="0 0 140 120"' in drawn
    assert str(mark) in drawn
    for word in (">0<", ">&lt;5&gt;<", ">one<", ">time<", ">height<"):
        assert word in drawn
    assert drawn.count('class="grid"') == 3
