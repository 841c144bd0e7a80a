"""The watch over a tab, seen to notice what the other tests rely on it to notice."""

import pytest

REFUSED = "() => fetch('/embed', {method: 'POST'}).then((answer) => answer.text())"


@pytest.mark.parametrize(
    ("event", "script", "trouble"),
    [
        ("console", "() => { fetch('http://elsewhere.test').catch(() => 0); }", "left the host: "),
        ("console", "() => console.error('lost')", "console error: lost"),
        ("console", "() => console.warn('old')", "console warning: old"),
        ("pageerror", "() => { setTimeout(() => { throw Error('broken'); }); }", "page error: "),
        ("console", REFUSED, "status of 400"),
    ],
)
def test_a_trouble_is_written_down(open_tab, event, script, trouble):
    visit = open_tab()
    visit.page.goto(f"{visit.host}/livez")
    with visit.page.expect_event(event):
        visit.page.evaluate(script)
    assert any(trouble in noticed for noticed in visit.troubles)
    visit.page.close()  # what comes late belongs to it, too
    visit.troubles.clear()


def test_an_expected_refusal_is_no_trouble(open_tab):
    visit = open_tab()
    visit.expected.add("400")
    visit.page.goto(f"{visit.host}/livez")
    with visit.page.expect_event("console"):
        visit.page.evaluate(REFUSED)
