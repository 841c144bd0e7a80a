import math

import pytest
import torch

from training.lab import clipping
from training.lab.clipping import BOUND, RATE, descend, measure, windows
from training.lab.sizes import Plan
from training.lab.trials import Laboratory

pytestmark = pytest.mark.long

PLAN = Plan(copy_size=8, clip_steps=24, clip_seeds=2)


def test_a_clipped_step_moves_the_weights_by_no_more_than_the_bound():
    """The weights show how far the first step went, and that its direction is the unclipped one."""
    moved = {}
    for bound in (math.inf, BOUND):
        before, after = (weights_after(steps, bound) for steps in (0, 1))
        moved[bound] = after - before
    assert float(moved[BOUND].norm()) == pytest.approx(RATE * BOUND, rel=1e-4)
    assert float(moved[math.inf].norm()) > 2 * RATE * BOUND
    cosine = torch.cosine_similarity(moved[BOUND], moved[math.inf], dim=0)
    assert float(cosine) == pytest.approx(1.0, abs=1e-5)


def weights_after(steps, bound):
    """Return all weights of the model that a descent ends with, in one vector."""
    made = []
    with pytest.MonkeyPatch.context() as patch:
        original = clipping.Copier

        def remembered(*sizes):
            made.append(original(*sizes))
            return made[-1]

        patch.setattr(clipping, "Copier", remembered)
        descend(1, bound, Plan(copy_size=8, clip_steps=steps))
    return torch.cat([parameter.detach().flatten() for parameter in made[0].parameters()])


def test_both_runs_begin_with_the_same_weights_and_rows():
    free, bound = descend(1, math.inf, PLAN), descend(1, BOUND, PLAN)
    assert (free.losses[0], free.norms[0]) == (bound.losses[0], bound.norms[0])
    assert free.losses[1:] != bound.losses[1:]


def test_windows_are_means_up_to_a_step():
    assert windows([1.0, 3.0]) == [(1, 1.0), (2, 3.0)]
    assert windows(list(map(float, range(24))))[:2] == [(2, 0.5), (4, 2.5)]
    assert windows([1.0] * 25)[-1] == (25, 1.0)


def test_the_tables_hold_what_the_descents_gave():
    found = measure(Laboratory(PLAN, None, lambda told: None))
    figures, curves = found.tables
    assert figures.column("seed") == [1, 2]
    free, bound = descend(1, math.inf, PLAN), descend(1, BOUND, PLAN)
    row = dict(zip(figures.columns, figures.rows[0], strict=True))
    assert row["without: largest norm"] == max(free.norms)
    assert row["with: share clipped"] == sum(norm > BOUND for norm in bound.norms) / 24
    assert row["with: largest norm after"] == min(BOUND, max(bound.norms))
    other = descend(2, math.inf, PLAN)
    expected = (sum(free.losses[:2]) + sum(other.losses[:2])) / 4
    assert curves.column("step")[0] == 2
    assert curves.column("without")[0] == pytest.approx(expected)
