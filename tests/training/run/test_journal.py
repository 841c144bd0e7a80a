import pytest

from training.run.journal import Journal


def test_what_a_resumed_run_saw_before_is_shown_and_not_counted_as_speed(tmp_path):
    with Journal(tmp_path, total=1000) as journal:
        bar = journal._bar
        journal.begin_at(900)
        assert bar.n == 900
        two_seconds_later = bar.start_t + 2.0
        bar._time = lambda: two_seconds_later
        journal.advance(1000, loss=4.0)
        assert bar.format_dict["rate"] == pytest.approx(50)
