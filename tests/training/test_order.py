"""The budget of the decay, set by the speed that a run has had; worked by hand."""

from dataclasses import replace

import pytest

from training.errors import TrainingError
from training.order import Order, Work, with_decay, with_more
from training.plan import Speeds, Text, make_plan
from training.run.checkpoint import Checkpoint, Progress
from training.run.config import TrainConfig

RECIPE = TrainConfig("toy", 8, 8, 400_000, batch_pieces=256, decay_share=0.5)
SPEEDS = Speeds(
    vocabulary=1e6, encoding=1e9, training=1_000.0, scoring=1e9, geometry=1e9, fixed_s=0.0
)
LEFT_S = 180.0


def work(training_s):
    plan = make_plan(600.0, 0.0, Text(10**9, 1.5), SPEEDS)
    return Work(RECIPE, replace(plan, training_s=training_s))


def test_the_decay_gets_the_rest_of_the_time_at_the_speed_of_the_run():
    """In 200 s it has read 100,000 pieces, and 180 s are left."""
    progress = Progress(step=400, pieces=100_000, seconds=200.0)
    found = with_decay(work(400.0), progress, 10**9, LEFT_S)
    assert found.recipe.max_pieces == 100_000 + 500 * 180
    assert found.recipe.decay_share == pytest.approx(90_000 / 190_000, abs=1e-5)
    assert found.decays


@pytest.mark.parametrize("pieces", [1, 777, 99_999, 123_457, 10**7 + 3])
def test_a_run_on_the_plateau_goes_on_to_the_new_budget(pieces):
    progress = Progress(step=400, pieces=pieces, seconds=17.3)
    found = with_decay(work(400.0), progress, 10**9, LEFT_S)
    assert Checkpoint(RECIPE, progress, "", {}).leads_to(found.recipe)


def test_a_decay_for_which_no_time_is_left_takes_one_batch():
    progress = Progress(step=400, pieces=100_000, seconds=500.0)
    found = with_decay(work(400.0), progress, 10**9, -60.0)
    assert found.recipe.max_pieces == 100_000 + 256


def test_a_run_that_decays_from_its_first_step_is_planned_by_the_measured_speed():
    falling = replace(work(400.0), recipe=replace(RECIPE, decay_share=1.0))
    found = with_decay(falling, Progress(), 10**9, LEFT_S)
    assert found.recipe.max_pieces == 1_000 * 180
    assert Checkpoint(falling.recipe, Progress(), "", {}).leads_to(found.recipe)


def test_a_run_that_is_faster_than_planned_gets_the_budget_of_its_speed():
    """It has read 200,000 pieces in 50 s; 190 s were meant for them, and 380 s for all steps."""
    progress = Progress(step=800, pieces=200_000, seconds=50.0)
    more = with_more(work(400.0), progress, train_pieces=10**9)
    assert more.recipe.max_pieces == 4_000 * 380
    assert Checkpoint(RECIPE, progress, "", {}).leads_to(more.recipe)
    assert with_more(work(400.0), replace(progress, seconds=100.0), 10**9) is None


def test_a_budget_of_twenty_readings_is_not_made_larger():
    progress = Progress(step=800, pieces=200_000, seconds=50.0)
    assert with_more(work(400.0), progress, train_pieces=20_000) is None
    assert with_more(work(400.0), progress, train_pieces=30_000).recipe.max_pieces == 600_000


def test_a_text_is_not_read_more_than_twenty_times():
    progress = Progress(step=400, pieces=100_000, seconds=20.0)
    found = with_decay(work(400.0), progress, 6_000, LEFT_S)
    assert found.recipe.max_pieces == 120_000


def test_a_twentieth_of_the_training_is_for_scores_and_checkpoints():
    assert work(400.0).step_seconds == pytest.approx(380)


def test_the_decisions_of_an_order_come_back(tmp_path):
    path = tmp_path / "plan.json"
    assert Work.read(path, {"minutes": 4}) is None
    written = replace(work(400.0), decays=True)
    written.write(path, {"minutes": 4})
    assert Work.read(path, {"minutes": 4}) == written


def test_another_order_is_refused_with_both(tmp_path):
    path = tmp_path / "plan.json"
    work(400.0).write(path, {"minutes": 4})
    with pytest.raises(TrainingError, match=r"'minutes': 4.*'minutes': 5.*choose another --work"):
        Work.read(path, {"minutes": 5})


def test_an_order_of_many_files_is_described_in_one_line(tmp_path):
    (tmp_path / "text").mkdir()
    for number in range(300):
        (tmp_path / f"text/{number}.txt").write_text("我吃苹果。\n")
    order = Order([tmp_path / "text"], tmp_path / "out", tmp_path / "work", 4.0, RECIPE)
    before = order.described()
    assert before["sources"] == 1  # a folder of many files
    assert len(str(before)) < 1_500
    (tmp_path / "text/7.txt").write_text("我吃了苹果。\n")
    assert order.described() != before
