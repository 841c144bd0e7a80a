"""The plan of an order's minutes; every expected number is worked by hand."""

import math
from dataclasses import replace

import pytest

from training.plan import Speeds, Text, described, make_plan, times

# Of ten minutes, 60 s are scored at 500 characters a second, and 48 s read at 25 rows a second.
SPEEDS = Speeds(
    vocabulary=20_000.0,
    encoding=100_000.0,
    training=1_000.0,
    scoring=500.0,
    geometry=25.0,
    fixed_s=12.0,
)
# Three million pieces.
TEXT = Text(4_500_000, 1.5)


def test_training_gets_what_the_other_steps_leave():
    plan = make_plan(600.0, 30.0, TEXT, SPEEDS)
    assert plan.sample_characters == 30_000  # a tenth of the time
    assert plan.scoring_s == pytest.approx(60)
    assert plan.geometry_rows == 1_200  # 8 % of the time
    assert plan.writing_s == pytest.approx(12 + 48)
    assert plan.vocabulary_characters == 1_800_000  # 15 % of the time, which is 90 s
    # 600 - 30 - 90 - 60 - 60 = 360 s are left. In them it would read 360,000 pieces; half as many
    # again are encoded, 810,000 characters, which takes 8.1 s.
    assert plan.train_characters == 810_000
    assert plan.preparing_s == pytest.approx(30 + 90 + 8.1)
    assert plan.training_s == pytest.approx(351.9, abs=0.01)
    assert plan.max_pieces == pytest.approx(351_900, abs=1)
    assert plan.needed_s == pytest.approx(600, abs=0.01)
    assert plan.pieces_of_text == 3_000_000


def test_all_of_a_short_text_is_encoded_and_read_no_more_than_twenty_times():
    plan = make_plan(600.0, 0.0, Text(15_000, 1.5), SPEEDS)
    assert plan.train_characters == plan.vocabulary_characters == 15_000
    assert plan.max_pieces == 20 * 10_000
    assert plan.training_s == pytest.approx(200)
    assert plan.needed_s < 600


def test_without_a_new_vocabulary_its_time_is_left_for_training():
    plan = make_plan(600.0, 30.0, TEXT, replace(SPEEDS, vocabulary=math.inf))
    # 450 s are left; 675,000 pieces are encoded in 10.125 s.
    assert plan.training_s == pytest.approx(439.875, abs=0.01)


def test_after_everything_is_encoded_all_the_time_that_is_left_is_for_training():
    plan = make_plan(600.0, 200.0, TEXT, replace(SPEEDS, vocabulary=math.inf, encoding=math.inf))
    assert plan.preparing_s == 200
    assert plan.training_s == pytest.approx(600 - 200 - 60 - 60)


def test_a_long_order_scores_and_reads_no_more_than_a_figure_needs():
    plan = make_plan(36_000.0, 0.0, TEXT, SPEEDS)
    assert plan.sample_characters == 100_000
    assert plan.geometry_rows == 4_000


def test_a_quarter_is_for_training_though_the_order_takes_longer():
    plan = make_plan(600.0, 590.0, TEXT, SPEEDS)
    assert plan.training_s == pytest.approx(150)
    assert plan.needed_s > 600
    lines = "\n".join(described(plan, is_new=True))
    assert plan.train_characters == 500_000  # it would read 337,500, which is too few for batches
    # 590 + 90 + 5 to prepare, 150 to train, 60 and 60.
    assert "it will take about 15.9 minutes; give --minutes 16, or less text" in lines


def test_the_plan_says_what_the_minutes_buy_and_what_helps():
    plan = make_plan(600.0, 30.0, TEXT, SPEEDS)
    # 128.1 s are 2.1 minutes, 351.9 s are 5.9; 351,900 of 3,000,000 pieces are 12 %. To read all of
    # it once takes 30 + 90 + 45 + 3,000 + 60 + 60 = 3,285 s, which are 54.75 minutes.
    assert described(plan, is_new=True) == [
        "10 minutes: 2.1 to prepare the text, 5.9 to train, 1 to score, 1 to write the artifact",
        f"the model reads {plan.max_pieces:,} pieces at 1,000 a second, which is 12 % of the text"
        " once",
        "what helps: --init-from zh-small, which starts from what the shipped model knows;"
        " --minutes 55 reads all of it once; --set cell_size=256 has fewer cells, which take less"
        " time",
    ]
    assert described(plan, is_new=False)[-1] == (
        "more of the text: --minutes 55 reads all of it once"
    )


def test_nothing_is_advised_where_the_text_is_read_to_its_end():
    # 600 - 7.5 - 1.5 - 60 - 60 = 471 s are left, for a text of 100,000 pieces.
    plan = make_plan(600.0, 0.0, Text(150_000, 1.5), SPEEDS)
    lines = described(plan, is_new=True)
    assert len(lines) == 2
    assert lines[1].endswith("which is the text 4.7 times")


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (2.46, "the text 2.5 times"),
        (0.5, "50 % of the text once"),
        (0.0034, "0.3 % of the text once"),
        (0.00004, "0.004 % of the text once"),
    ],
)
def test_how_often_a_text_is_read_is_said_in_numbers_that_are_not_nought(share, words):
    assert times(share) == words
