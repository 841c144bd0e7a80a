"""Named recipes: each a function that returns the whole configuration of a run."""

from collections.abc import Callable

from training.config import TrainConfig


def small() -> TrainConfig:
    """The default artifact: two layers, cell 512, width 1024, 16,000 pieces of 256.

    python -m training train small --shards build/shards --out build/small
    """
    return TrainConfig(
        name="zh-small", embedding_size=256, cell_size=512, max_pieces=20_200_000, warmup_steps=200
    )


RECIPES: dict[str, Callable[[], TrainConfig]] = {"small": small}
