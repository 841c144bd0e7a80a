"""Make a servable artifact from text files in a given time.

All steps run one after the other, sized by the amount of text and the speed of the machine. The
work folder's `plan.json` records the decisions. If the run is interrupted, the same order resumes
it and repeats only the minutes since the last checkpoint.
"""

import math
import time
from collections.abc import Callable

from .order import Order, Work, with_decay, with_more
from .plan import times
from .preparation import prepare
from .result.evaluate import evaluate_sample
from .result.export import export
from .result.report import commands, report
from .result.sample import draw_sample
from .run.checkpoint import Progress
from .run.loop import train
from .run.loss_plot import plot_loss
from .text.shards import Shards
from .text.sources import mark_as_made

# Scoring stops after this many times its share of the minutes.
PATIENCE = 1.25


def fulfil(order: Order, tell: Callable[[str], None]) -> str:
    """Make the artifact and return its revision.

    Args:
        order: The request.
        tell: Shows one line to the person who waits.

    Raises:
        TrainingError: the text cannot be read or is too short, or the work folder belongs to
            another order.
    """
    began = time.monotonic()
    ends = began + 60 * order.minutes
    mark_as_made(order.work)
    path, wanted = order.work / "plan.json", order.described()
    work = Work.read(path, wanted)
    if work is not None:
        tell(f"resuming the work in {order.work}")
        ends = math.inf  # the steps that are left take the time that was planned for them
    else:
        work = prepare(order, began, tell)
        work.write(path, wanted)
    shards, run = Shards(order.work / "shards"), order.work / "run"
    if not work.decays:
        progress = _train_until_decay(order, work, shards)
        while more := with_more(work, progress, shards.manifest.train_pieces):
            more.write(path, wanted)
            work, progress = more, _train_until_decay(order, more, shards)
        after_s = work.plan.scoring_s + work.plan.writing_s
        left_s = min(work.step_seconds - progress.seconds, ends - time.monotonic() - after_s)
        work = with_decay(work, progress, shards.manifest.train_pieces, left_s)
        work.write(path, wanted)
    progress = train(work.recipe, shards, run, order.initial)
    plot_loss(run)
    tell("scoring on held-out text")
    sample = draw_sample(order.work / "corpus", work.plan.sample_characters)
    left_s = ends - time.monotonic() - work.plan.writing_s
    allowed_s = min(PATIENCE * work.plan.scoring_s, left_s)
    figures = evaluate_sample(run, shards, sample, order.beside, allowed_s)
    sources, rows = order.work / "sources.json", work.plan.geometry_rows
    revision = export(run, shards, order.out, sources, rows)
    for line in [_made(order, work, progress), *report(figures), *commands(order.out)]:
        tell(line)
    return revision


def _train_until_decay(order: Order, work: Work, shards: Shards) -> Progress:
    """Train as long as the learning rate stays level: for its share of the time or the pieces."""
    plateau_s = (1 - work.recipe.decay_share) * work.step_seconds

    def stops(progress: Progress) -> bool:
        return progress.seconds >= plateau_s or work.recipe.decays_at(progress.pieces)

    return train(work.recipe, shards, order.work / "run", order.initial, stops=stops)


def _made(order: Order, work: Work, progress: Progress) -> str:
    recipe = work.recipe
    return (
        f"made {order.out}: {recipe.num_layers} layers of {recipe.cell_size} cells in each"
        f" direction, trained for {progress.seconds / 60:.1f} minutes on {progress.pieces:,}"
        f" pieces, which is {times(progress.pieces / work.plan.pieces_of_text)}"
    )
