"""The model as the service uses it: only this module and `speed` know torch and the encoder."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any, NamedTuple, Self, TypeVar

from biLM.cpus import granted_cpus
from biLM.encoder import Encoder
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.question import Cost, Question, Underway

from .costs import Kind, Share, batch_share, kind_of_rows, work_of
from .fields import ModelInfo
from .log import fields
from .prices import Prices
from .settings import Settings
from .speed import FULL_PIECES, ShapesProof, first_prices, use_one_core

Answer = TypeVar("Answer")
AnyQuestion = Question[Answer] | Underway[Answer]
# After this time a question that is answered in steps gives way to others. They hardly notice so
# short a wait, and putting the question back into the queue takes far less time.
TURN_S = 0.02
FLOAT32_BYTES = 4
# A batch occupies a core for each direction.
CORES_OF_BATCH = 2

logger = logging.getLogger(__name__)


class Scheduled(NamedTuple):
    """A question with what is needed to schedule it.

    Args:
        question: The question.
        share: The share of the threads' time in which it is answered.
        width: The padded pieces that it adds to a micro-batch; 0 if it is answered in steps.
        batch_share: The room it takes in a micro-batch, in padded pieces; see `costs.batch_share`.
        seconds: The seconds that a thread needs for it.
    """

    question: AnyQuestion[Any]
    share: Share
    width: int
    batch_share: float
    seconds: float


@dataclass(frozen=True)
class Engine:
    """A loaded and tested encoder.

    Args:
        encoder: The artifact, ready to read texts.
        self_test_deviation: Largest deviation from the artifact's golden vectors.
        num_threads: How many threads may run it at once.
        batch_pieces: Padded pieces of a micro-batch, at most.
        prices: What work costs a thread, measured on this machine and learned from what runs.
        turn_s: How long a question in steps may go on before others have their turn.
        proof: The proof of the remaining shapes, as a question; None once it has been answered.
        similar_words: Some words, each with those that the model expects in similar contexts.
    """

    encoder: Encoder
    self_test_deviation: float
    num_threads: int
    batch_pieces: int
    prices: Prices[Kind]
    turn_s: float
    proof: Underway[float] | None
    similar_words: Mapping[str, Sequence[str]]

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Load and test the encoder, and measure its speed in the one shape that needs no proof.

        Raises:
            ArtifactError: the folder is incomplete, foreign or damaged.
            MixError: a mix of the settings does not fit the model.
            PrecisionError: the processor does not have the precision of the settings.
            SelfTestError: this machine does not reproduce the golden vectors.
        """
        use_one_core()
        num_cores = settings.threads or granted_cpus()
        num_threads = max(1, num_cores // CORES_OF_BATCH)
        encoder = Encoder.load(settings.model, settings.precision, settings.mixes, num_cores > 1)
        deviation = encoder.self_test()
        engine = cls(
            encoder=encoder,
            self_test_deviation=deviation,
            num_threads=num_threads,
            batch_pieces=settings.max_batch_pieces,
            prices=Prices(first_prices(encoder, settings.max_batch_pieces, num_threads)),
            turn_s=TURN_S,
            proof=Underway(ShapesProof(encoder, settings.max_batch_pieces)),
            similar_words=encoder.similar_words(),
        )
        speed = fields(
            threads=num_threads,
            pieces_per_s=round(engine.pieces_per_s),
            reading_bytes=engine.reading_bytes,
        )
        logger.info("engine measured", extra=speed)
        return engine

    def proved(self, speedup: float) -> Self:
        """Return the engine as it is after its proof.

        Args:
            speedup: How many times as fast full batches are read as before.
        """
        self.prices.set("8 rows", self.prices.of("8 rows") / speedup)
        return replace(self, proof=None)

    @property
    def pieces_per_s(self) -> float:
        """Padded pieces that all threads together lately read in a second, in full batches."""
        return self.num_threads / self.prices.of("8 rows")

    @property
    def reading_bytes(self) -> int:
        """The most bytes that all threads together need to read micro-batches in present shapes.

        A text of more than half a micro-batch does not count, because it is answered in steps.
        """
        of_thread = self.encoder.reading_bytes(self.batch_pieces, self.batch_pieces // 2)
        return self.num_threads * of_thread

    @cached_property
    def model(self) -> ModelInfo:
        """Which model this is."""
        artifact = self.encoder.artifact
        return ModelInfo(
            id=artifact.id,
            revision=artifact.revision,
            dim=artifact.config.dim,
            num_layers=artifact.config.num_layers,
            num_pieces=artifact.config.num_pieces,
        )

    @property
    def mixes(self) -> Mapping[str, ScalarMix]:
        """The mixes of the artifact and of the settings, by name."""
        return self.encoder.artifact.mixes

    @property
    def card(self) -> dict[str, object]:
        """Where the model comes from and how well it does."""
        return self.encoder.artifact.card

    @property
    def num_representations(self) -> int:
        """The number of layers that a request may name, the piece embedding included."""
        return self.encoder.artifact.config.num_representations

    def seconds(self, question: AnyQuestion[object]) -> float:
        """Return the seconds that a thread will need for what is left of a question."""
        return self.prices.seconds(work_of(question.cost, self.batch_pieces))

    def scheduled(self, question: AnyQuestion[Answer]) -> Scheduled:
        """Decide how a question is answered: in steps if it has them or fills most of a batch."""
        cost = question.cost
        work = work_of(cost, self.batch_pieces)
        seconds = self.prices.seconds(work)
        if isinstance(question, Underway):
            share: Share = "long texts" if cost.num_stretches else "searches"
            return Scheduled(question, share, 0, 0.0, seconds)
        taken = batch_share(cost)
        if taken > self.batch_pieces / 2:
            return self.scheduled(self.encoder.alone(question))
        return Scheduled(question, "batches", cost.padded_pieces, taken, seconds)

    def kept_bytes(self, question: AnyQuestion[object]) -> int:
        """Return how many bytes the model keeps, at most, from turn to turn of a question.

        It is 0 for a question that is answered in one go: a micro-batch bounds its memory.
        """
        if not isinstance(question, Underway):
            return 0
        config = self.encoder.artifact.config
        vectors = question.cost.kept_vectors(config.num_representations)
        return vectors * config.dim * FLOAT32_BYTES

    def run(self, questions: Sequence[AnyQuestion[Answer]]) -> list[Answer | None]:
        """Return the answer to each question, which does not depend on the others.

        A question that is answered in steps and needs a further turn gets None.
        """
        answers = iter(self._read([one for one in questions if not isinstance(one, Underway)]))
        return [
            self._go_on(question) if isinstance(question, Underway) else next(answers)
            for question in questions
        ]

    def _read(self, questions: Sequence[Question[Answer]]) -> list[Answer]:
        if not questions:
            return []
        begin = perf_counter()
        answers = self.encoder.answer(questions)
        self._learn([question.cost for question in questions], perf_counter() - begin)
        return answers

    def _learn(self, costs: Sequence[Cost], seconds: float) -> None:
        """Learn from a micro-batch, unless it has too few pieces or more than one extra kind."""
        pieces = sum(cost.padded_pieces for cost in costs)
        extras: dict[Kind, int] = {
            "context": sum(cost.num_context_blocks for cost in costs),
            "guesses": sum(cost.num_guesses for cost in costs),
        }
        given = [(kind, units) for kind, units in extras.items() if units]
        rows = kind_of_rows(len(costs))
        if not given and pieces >= min(FULL_PIECES, self.batch_pieces):
            self.prices.learn(rows, pieces, seconds)
        if len(given) == 1:
            ((kind, units),) = given
            without_reading = seconds - pieces * self.prices.of(rows)
            self.prices.learn(kind, units, without_reading)

    def _go_on(self, question: Underway[Answer]) -> Answer | None:
        """Give a question its turn, and learn from a turn that was spent on one kind of work."""
        before, begin = work_of(question.cost, self.batch_pieces), perf_counter()
        answer = question.go_on(self.turn_s)
        seconds = perf_counter() - begin
        left = work_of(question.cost, self.batch_pieces)
        done = {kind: units - left.get(kind, 0) for kind, units in before.items()}
        given = [(kind, units) for kind, units in done.items() if units]
        if len(given) == 1:
            ((kind, units),) = given
            self.prices.learn(kind, units, seconds)
        return answer
