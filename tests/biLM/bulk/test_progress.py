import io

from biLM.bulk.parsers import Columns
from biLM.bulk.progress import Lines, Rate, shown
from biLM.bulk.sources import open_source


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        """Return the time in seconds."""
        return self.now


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self):
        """Return that this is a terminal."""
        return True


def test_the_rate_and_the_remaining_time_are_of_this_run_alone():
    clock = Clock()
    rate = Rate(1000, clock)
    rate.add(600, 0)  # an earlier run did this
    clock.now = 10.0
    rate.add(100, 50)
    assert rate.share == 0.7
    assert rate.texts_per_s == 5.0
    assert rate.remaining_s == 30.0


def test_the_rate_does_not_count_the_time_until_the_first_report():
    clock = Clock()
    rate = Rate(1000, clock)
    for now, units, texts in ((60.0, 100, 10), (62.0, 200, 20), (64.0, 200, 20)):
        clock.now = now
        rate.add(units, texts)
    assert rate.texts_per_s == 10.0
    assert rate.remaining_s == 5.0


def test_there_are_at_most_ten_lines_however_often_something_is_done():
    clock, told = Clock(), []
    lines = Lines(10_000, told.append, clock)
    for number in range(10_000):
        clock.now = (number + 1) / 10
        lines(1, 2)
    assert len(told) == 10
    assert told[0] == "biLM: 10 %, 2,000 texts, 20 texts/s, 0:15:00 left\n"
    assert told[-1] == "biLM: 100 %, 20,000 texts, 20 texts/s, 0:00:00 left\n"


def test_what_an_earlier_run_did_is_no_line_and_an_empty_source_neither():
    told = []
    Lines(100, told.append)(90, 0)
    Lines(0, told.append)(0, 0)
    assert not told


def test_a_terminal_shows_a_bar_with_texts_a_second_and_elsewhere_are_lines(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("a\n" * 500)
    source = open_source(path, Columns())
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        with shown(source) as advance:
            advance(400, 0)
            advance(300, 150)
            advance(290, 145)
        told = stream.getvalue()
        if stream.isatty():
            assert "100%" in told
            assert "295 texts" in told
            assert "1.00k/1.00k" in told
        else:
            assert told.count("\n") == 2
            assert "biLM: 70 %, 150 texts" in told
