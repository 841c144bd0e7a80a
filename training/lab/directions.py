"""Compare how often a blank is filled correctly from one side and from both."""

from dataclasses import dataclass

from biLM.network.heads import SIDES
from biLM.tokenizer import Tokenizer

from ..choices import LSTM
from ..result.words import words_of
from ..run.config import TrainConfig
from ..run.held_out import NO_SCORES, added, judgements
from ..run.metrics import LanguageModelScore
from ..run.objective import BiLMObjective
from .corpus import described
from .findings import Finding, Plot, Table, Value
from .trials import Laboratory

AMONG = (1, 10)
# With a cell this many times as wide, one direction has about as many parameters as two directions.
WIDER = 1.5


@dataclass(frozen=True)
class Rival:
    """A way to fill a blank.

    Args:
        name: Name of its row in the table.
        side: The head that fills the blank.
        weights: Weights of the forward, backward and cloze loss in its training.
        times_wide: Its cell_size as a multiple of the plan's.
    """

    name: str
    side: str
    weights: tuple[float, float, float]
    times_wide: float = 1.0

    @property
    def num_directions(self) -> int:
        """The number of directions whose layers the answer comes from."""
        return 2 if self.side == "cloze" else 1


ALL = (0.5, 0.5, 0.5)
RIVALS = (
    Rival("left alone", "forward", (1.0, 0.0, 0.0)),
    Rival("left alone, wider", "forward", (1.0, 0.0, 0.0), WIDER),
    Rival("right alone", "backward", (0.0, 1.0, 0.0)),
    Rival("left, of the two", "forward", ALL),
    Rival("right, of the two", "backward", ALL),
    Rival("both sides", "cloze", ALL),
)


def measure(lab: Laboratory) -> Finding:
    """Train one direction alone and both together, and let each fill every held-out place."""
    rows: list[tuple[Value, ...]] = []
    for rival in RIVALS:
        objective = lab.trial(recipe_of(rival, lab)).objective
        numbers = _layer_parameters(objective, rival)
        everywhere, words = filled(objective, rival.side, lab)
        rates = [one.accuracy_at(k) for one in (everywhere, words) for k in AMONG]
        counts = everywhere.predictions, words.predictions
        rows.append((rival.name, rival.num_directions, numbers, *counts, *rates))
    columns = ("asked", "directions", "layer parameters", "places", "words")
    table = Table(
        "Share of held-out places in which the piece that stood there is the first guess, or among"
        " the first ten: of all pieces, and of those that are words of two or more Han characters",
        (*columns, *(f"{what} at {k}" for what in ("pieces", "words") for k in AMONG)),
        tuple(rows),
    )
    bars = ("pieces at 1", "pieces at 10", "words at 1", "words at 10")
    plot = Plot("directions", 0, "asked", bars, "share filled rightly")
    return Finding("One direction against two", _setting(lab), (table,), (plot,))


def recipe_of(rival: Rival, lab: Laboratory) -> TrainConfig:
    """Return the recipe that trains a rival; for both sides it is that of the LSTM in `budget`."""
    forward, backward, cloze = rival.weights
    weights = {"forward_weight": forward, "backward_weight": backward, "cloze_weight": cloze}
    cell_size = round(lab.plan.cell_size * rival.times_wide)
    return lab.plan.recipe(LSTM, cell_size=cell_size, **weights)


def filled(
    objective: BiLMObjective, side: str, lab: Laboratory
) -> tuple[LanguageModelScore, LanguageModelScore]:
    """Score how well a head fills the places between the ends of a row: all places, and words.

    The places are the same for every head: the ends of a row do not count, because not every head
    predicts them.
    """
    vocabulary = Tokenizer(lab.text.vocabulary.read_bytes())
    is_word = words_of(vocabulary).to(objective.heads.bias.device)
    sizes = objective.bilm.config
    everywhere, words = NO_SCORES, NO_SCORES
    for shard in lab.text.held_out().values():
        for judged in judgements(objective, shard):
            inner = [
                one.only((one.targets != sizes.bos_id) & (one.targets != sizes.eos_id))
                for one in judged
            ]
            everywhere = added(everywhere, inner)
            words = added(words, [one.only(is_word[one.targets]) for one in inner])
    place = SIDES.index(side)
    return everywhere[place], words[place]


def _layer_parameters(objective: BiLMObjective, rival: Rival) -> int:
    stack = objective.bilm.forward_lm  # the backward one has as many
    return rival.num_directions * sum(one.numel() for one in stack.parameters())


def _setting(lab: Laboratory) -> str:
    return (
        f"{described(lab.text)} LSTMs as in `cells`, at its equal number of pieces. `alone`:"
        " trained for that side's language model only; `wider`: with a cell"
        f" {WIDER:g} times as wide, so that its layers have about as many numbers as the two"
        " directions together. `of the two` and `both sides`: one model, the LSTM of `cells`,"
        " trained for both language models and the cloze; asked from the left, from the right, and"
        " by the cloze, which reads the two directions together. Every one is asked at the same"
        f" places: all between the ends of a row. One seed ({lab.plan.seed})."
    )
