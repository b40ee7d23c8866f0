from diptych.drawing.markup import Markup, joined, tag


def test_text_and_attributes_are_escaped_and_markup_is_not() -> None:
    inner = tag("b", "<&>")
    assert inner == "<b>&lt;&amp;&gt;</b>"
    assert tag("p", inner, '"<', title='a "quoted" <name>') == (
        '<p title="a &quot;quoted&quot; &lt;name&gt;"><b>&lt;&amp;&gt;</b>&quot;&lt;</p>'
    )


def test_attributes_are_spelt_as_markup_spells_them() -> None:
    drawn = tag("line", class_="grid", stroke_width=1.0, x1=0.125, y1=3, href=None)
    assert drawn == '<line class="grid" stroke-width="1" x1="0.12" y1="3"></line>'


def test_an_attribute_may_be_called_name() -> None:
    assert tag("meta", name="viewport") == '<meta name="viewport">'


def test_what_is_joined_is_markup_again() -> None:
    whole = joined([tag("br"), "a < b"])
    assert isinstance(whole, Markup)
    assert tag("p", whole) == "<p><br>a &lt; b</p>"
