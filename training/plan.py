"""Divide the minutes of an order among its steps, by speeds that this machine was measured at.

Preparing counts against the minutes, and scoring and writing have shares; training gets what is
left. Everything here is arithmetic, and the same numbers give the same plan.
"""

import math
from dataclasses import dataclass

# The vocabulary is trained for at most this share of the time; a longer sample of the text changes
# few of its pieces.
VOCABULARY_SHARE = 0.15
# Scoring takes at most this share of the time, for all models together.
SCORING_SHARE = 0.1
# The mean vectors of the artifact are measured for at most this share of the time.
GEOMETRY_SHARE = 0.08
# At least this share of the time goes into training, however long the other steps have taken.
LEAST_SHARE = 0.25
# The scored sample has at most this many characters: the figure of 100,000 is exact to about half a
# per cent, and ten times as many would only make it a third of that.
MAX_SAMPLE_CHARACTERS = 100_000
MIN_SAMPLE_CHARACTERS = 1_000
# The number of held-out rows from which the mean vectors are measured.
MAX_GEOMETRY_ROWS = 4_000
MIN_GEOMETRY_ROWS = 100
# A model that reads its text more often than this learns it by heart.
MAX_EPOCHS = 20
# Encode this many times the text that the plan lets the model read, in case it trains faster, and
# never less than this many characters: with few rows of each length, batches are half empty.
SPARE_TEXT = 1.5
MIN_TRAIN_CHARACTERS = 500_000


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """Speeds of the steps on this machine.

    Args:
        vocabulary: Characters per second of training a vocabulary; infinite if there is one.
        encoding: Characters per second of encoding text into rows.
        training: Pieces per second of training, with the scores and checkpoints of the run.
        scoring: Characters per second of scoring, by all models that are scored together.
        geometry: Rows per second of reading held-out text with the finished artifact.
        fixed_s: Seconds that writing takes, however much text there is.
    """

    vocabulary: float
    encoding: float
    training: float
    scoring: float
    geometry: float
    fixed_s: float


@dataclass(frozen=True)
class Text:
    """The text to train on.

    Args:
        characters: The number of its characters (code points).
        characters_per_piece: How many of them a piece has on average.
    """

    characters: int
    characters_per_piece: float

    @property
    def pieces(self) -> int:
        """The number of pieces to train on, about."""
        return max(1, round(self.characters / self.characters_per_piece))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The time that each step of an order may take, and the work that it does in it.

    Args:
        total_s: The seconds of the order.
        preparing_s: Seconds from the start until training begins.
        training_s: Seconds of training.
        scoring_s: Seconds of scoring on held-out text.
        writing_s: Seconds of writing the artifact.
        vocabulary_characters: The number of characters to train the vocabulary on.
        train_characters: The number of characters to encode for training.
        sample_characters: The number of held-out characters to score.
        geometry_rows: The number of held-out rows to measure the mean vectors from.
        pieces_per_s: The speed of training.
        max_pieces: The number of pieces to train on.
        pieces_of_text: The number of pieces of the whole text.
        minutes_for_all: The minutes after which the whole text would be read once.
    """

    total_s: float
    preparing_s: float
    training_s: float
    scoring_s: float
    writing_s: float
    vocabulary_characters: int
    train_characters: int
    sample_characters: int
    geometry_rows: int
    pieces_per_s: float
    max_pieces: int
    pieces_of_text: int
    minutes_for_all: int

    @property
    def needed_s(self) -> float:
        """The seconds that all steps together take."""
        return self.preparing_s + self.training_s + self.scoring_s + self.writing_s


def make_plan(total_s: float, spent_s: float, text: Text, speeds: Speeds) -> Plan:
    """Divide the seconds of an order.

    Args:
        total_s: The seconds of the order.
        spent_s: How many of them have passed, for reading the text and measuring the speeds.
        text: The text to train on.
        speeds: The speeds of this machine.
    """
    sample = _between(
        MIN_SAMPLE_CHARACTERS, SCORING_SHARE * total_s * speeds.scoring, MAX_SAMPLE_CHARACTERS
    )
    rows = _between(
        MIN_GEOMETRY_ROWS, GEOMETRY_SHARE * total_s * speeds.geometry, MAX_GEOMETRY_ROWS
    )
    vocabulary = min(text.characters, VOCABULARY_SHARE * total_s * _finite(speeds.vocabulary))
    scoring_s = sample / speeds.scoring
    writing_s = speeds.fixed_s + rows / speeds.geometry
    before_s = spent_s + vocabulary / speeds.vocabulary
    left = total_s - before_s - scoring_s - writing_s
    read = SPARE_TEXT * max(left, LEAST_SHARE * total_s) * speeds.training
    wanted = max(MIN_TRAIN_CHARACTERS, read * text.characters_per_piece)
    encoded = min(text.characters, wanted)
    encoding_s = encoded / speeds.encoding
    training_s = max(left - encoding_s, LEAST_SHARE * total_s)
    max_pieces = max(1, min(int(speeds.training * training_s), MAX_EPOCHS * text.pieces))
    once_s = before_s + text.characters / speeds.encoding + text.pieces / speeds.training
    return Plan(
        total_s=total_s,
        preparing_s=before_s + encoding_s,
        training_s=max_pieces / speeds.training,
        scoring_s=scoring_s,
        writing_s=writing_s,
        vocabulary_characters=max(1, int(vocabulary)),
        train_characters=max(1, int(encoded)),
        sample_characters=int(sample),
        geometry_rows=int(rows),
        pieces_per_s=speeds.training,
        max_pieces=max_pieces,
        pieces_of_text=text.pieces,
        minutes_for_all=math.ceil((once_s + scoring_s + writing_s) / 60),
    )


def described(plan: Plan, is_new: bool) -> list[str]:
    """Return the plan as lines of text, with what helps if the time is short.

    Args:
        plan: The plan.
        is_new: Whether the model is trained from nothing.
    """
    total = _minutes(plan.total_s)
    lines = [
        f"{total} minutes: {_minutes(plan.preparing_s)} to prepare the text,"
        f" {_minutes(plan.training_s)} to train, {_minutes(plan.scoring_s)} to score,"
        f" {_minutes(plan.writing_s)} to write the artifact"
    ]
    if plan.needed_s > plan.total_s + 1:
        lines.append(
            f"{total} minutes are too short for this text on this machine: it will take about"
            f" {_minutes(plan.needed_s)} minutes; give"
            f" --minutes {math.ceil(plan.needed_s / 60)}, or less text"
        )
    share = plan.max_pieces / plan.pieces_of_text
    lines.append(
        f"the model reads {plan.max_pieces:,} pieces at {plan.pieces_per_s:,.0f} a second, which is"
        f" {times(share)}"
    )
    if share < 1:
        lines += _advice(plan, is_new)
    return lines


def _advice(plan: Plan, is_new: bool) -> list[str]:
    all_of_it = f"--minutes {plan.minutes_for_all} reads all of it once"
    if not is_new:
        return [f"more of the text: {all_of_it}"]
    return [
        "what helps: --init-from zh-small, which starts from what the shipped model knows;"
        f" {all_of_it}; --set cell_size=256 has fewer cells, which take less time"
    ]


def times(share: float) -> str:
    """Return how often a text is read: `0.3 % of the text once`, or `the text 2.5 times`."""
    if share >= 1:
        return f"the text {share:.1f} times"
    digits = 0 if share >= 0.1 else 1 if share >= 0.001 else 3
    return f"{100 * share:.{digits}f} % of the text once"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}".removesuffix(".0")


def _between(least: int, wanted: float, most: int) -> float:
    return float(max(least, min(wanted, most)))


def _finite(speed: float) -> float:
    """Return 0 for the speed of a step that is left out."""
    return speed if math.isfinite(speed) else 0.0
