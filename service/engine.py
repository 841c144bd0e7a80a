"""The model as the service uses it: only this module and `speed` know torch and the encoder."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, TypeVar

from biLM.cpus import granted_cpus
from biLM.encoder import Encoder
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.question import Question, Underway

from .fields import ModelInfo
from .log import fields
from .settings import Settings
from .speed import ShapesProof, measured_speed, measured_step_s, use_one_core

Answer = TypeVar("Answer")
AnyQuestion = Question[Answer] | Underway[Answer]
TURN_S = 0.02  # of a search: others hardly notice it, and to be put back takes far less
GATE_STEP_PIECES = 3  # a core could read in the time of a step; 1 in float32, 3 in bfloat16
CORES_OF_BATCH = 2  # one for each direction

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """A loaded and tested encoder.

    Args:
        encoder: The artifact, ready to read texts.
        pieces_per_s: Padded pieces a second, measured on this machine.
        self_test_deviation: Largest deviation from the artifact's golden vectors.
        num_threads: How many threads may run it at once.
        step_s: Seconds of one step of a search, measured on this machine.
        gate_step_pieces: Padded pieces that a thread could read in the time of one step of the
            gates; a constant for each core.
        turn_s: How long a question in steps may go on before others have their turn.
        proof: The question which further shapes can be used; None once it has been answered.
    """

    encoder: Encoder
    pieces_per_s: float
    self_test_deviation: float
    num_threads: int
    step_s: float
    gate_step_pieces: int
    turn_s: float
    proof: Underway[float] | None

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Load, test and measure in the sure shape; what is left to prove is in `proof`.

        Raises:
            ArtifactError: the folder is incomplete, foreign or damaged.
            MixError: a mix of the settings does not fit the model.
            PrecisionError: the processor does not have what the settings ask for.
            SelfTestError: this machine does not reproduce the golden vectors.
        """
        use_one_core()
        num_cores = settings.threads or granted_cpus()
        num_threads = max(1, num_cores // CORES_OF_BATCH)
        encoder = Encoder.load(settings.model, settings.precision, settings.mixes, num_cores > 1)
        deviation = encoder.self_test()
        speed = measured_speed(encoder, settings.max_batch_pieces, num_threads)
        logger.info("engine measured", extra=fields(threads=num_threads, pieces_per_s=round(speed)))
        return cls(
            encoder=encoder,
            pieces_per_s=speed,
            self_test_deviation=deviation,
            num_threads=num_threads,
            step_s=measured_step_s(encoder),
            gate_step_pieces=GATE_STEP_PIECES * min(num_cores, CORES_OF_BATCH),
            turn_s=TURN_S,
            proof=Underway(ShapesProof(encoder, settings.max_batch_pieces)),
        )

    def proved(self, speedup: float) -> Self:
        """The engine after its proof.

        Args:
            speedup: How many times as fast texts are read as before.
        """
        return replace(self, pieces_per_s=self.pieces_per_s * speedup, proof=None)

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
    def step_pieces(self) -> int:
        """Padded pieces that a thread could read in the time of one step of a search."""
        return math.ceil(self.step_s * self.pieces_per_s / self.num_threads)

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
        """Layers that can be asked for, the piece embedding included."""
        return self.encoder.artifact.config.num_representations

    def padded_pieces(self, question: AnyQuestion[object]) -> int:
        """Return what a question costs: the pieces that it reads, or could read in its time."""
        cost = question.cost
        steps = cost.num_search_steps * self.step_pieces
        return cost.padded_pieces + steps + cost.num_gate_steps * self.gate_step_pieces

    def run(self, questions: Sequence[AnyQuestion[Answer]]) -> list[Answer | None]:
        """The answer to each question, whatever else is in the batch.

        None for one in steps that is not over yet: it is to be given another turn.
        """
        read = [question for question in questions if not isinstance(question, Underway)]
        answers = iter(self.encoder.answer(read))
        return [
            question.go_on(self.turn_s) if isinstance(question, Underway) else next(answers)
            for question in questions
        ]
