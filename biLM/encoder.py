"""Texts -> contextual vectors: the one door into the package.

    encoder = Encoder.load("zh-small")
    passage = encoder.chars("我吃了一个苹果")
    vectors = encoder.embed([passage], [Readout(encoder.mix("default"))])[0]  # (7, 1024)

A vector depends on the artifact and on the text, and on nothing else: every text starts from a
zero state, and neither its neighbours nor padding can reach it. The encoder keeps nothing
between calls.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal, TypeVar, overload

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact, load_artifact
from biLM.errors import DamagedFileError
from biLM.network.scalar_mix import ScalarMix
from biLM.proof import Proof
from biLM.questions import passage as passages
from biLM.questions.blank import Blank, Guesses, GuessesFor, find_blank
from biLM.questions.completions import Completion, CompletionsFor, Greedy, Strategy, Writer
from biLM.questions.gates import Direction, Gates, GatesFor
from biLM.questions.passage import Passage
from biLM.questions.phrases import Filler, Phrases, PhrasesFor
from biLM.questions.question import Question, Underway
from biLM.questions.readout import Readout
from biLM.questions.vectors import Vectors, VectorsFor
from biLM.reading.batch import SURE_SHAPE, Shape, batches
from biLM.reading.layer import State
from biLM.reading.precision import PrecisionChoice, chosen_precision
from biLM.reading.reader import Reader
from biLM.reading.side_by_side import on_one_core
from biLM.self_test import checked_deviation
from biLM.tokenizer import Tokenizer

Answer = TypeVar("Answer")
GREEDY = Greedy()


class Encoder:
    """A loaded artifact, ready to read texts.

    Args:
        artifact: The model and what belongs to it.
        precision: In which the LSTMs multiply; `auto`, the fastest of this machine, is the
            service's.
        both_at_once: Whether the two directions are read side by side; None where the calling
            thread may use more than one core.

    Raises:
        PrecisionError: the machine does not have it.
        DamagedFileError: the vocabulary is not the model's.
    """

    def __init__(
        self,
        artifact: Artifact,
        precision: PrecisionChoice = "float32",
        both_at_once: bool | None = None,
    ) -> None:
        self.artifact = artifact
        self.precision = chosen_precision(precision)
        self._tokenizer = Tokenizer(artifact.pieces_model)
        self._reader = Reader(artifact.model, getattr(torch, self.precision))
        self._both_at_once = both_at_once
        self._shapes: frozenset[Shape] = frozenset([SURE_SHAPE])
        forward, backward = self._reader.forward_stepper, self._reader.backward_stepper
        self._writer = Writer(artifact, self._tokenizer, forward)
        self._filler = Filler(artifact, self._tokenizer, forward, backward)
        if self._tokenizer.num_pieces != artifact.config.num_pieces:
            raise DamagedFileError(
                f"pieces.model has {self._tokenizer.num_pieces} pieces, the embedding"
                f" {artifact.config.num_pieces}"
            )

    @classmethod
    def load(
        cls,
        folder: str | Path,
        precision: PrecisionChoice = "float32",
        mixes: Path | None = None,
        both_at_once: bool | None = None,
    ) -> "Encoder":
        """The encoder of an artifact folder.

        Args:
            folder: Of the artifact, or the name of a shipped model.
            precision: As of the class.
            mixes: A file of further mixes; see `read_mixes`.
            both_at_once: As of the class.

        Raises:
            PrecisionError: the machine does not have it.
            ArtifactError: the folder is incomplete, foreign or damaged.
            MixError: a further mix does not fit.
        """
        return cls(load_artifact(folder).with_mixes(mixes), precision, both_at_once)

    def mix(self, name: str) -> ScalarMix:
        """A named mix of the artifact.

        Raises:
            MixError: there is none of that name.
        """
        return self.artifact.mix(name)

    def pieces(self, text: str) -> Passage:
        """A text with a row for each piece."""
        return passages.piece_passage(self._tokenizer, text)

    def chars(self, text: str) -> Passage:
        """A text with a row for each code point."""
        return passages.char_passage(self._tokenizer, text)

    def spans(self, text: str, spans: Sequence[Sequence[int]]) -> Passage:
        """A text with a row for each half-open span of code points."""
        return passages.span_passage(self._tokenizer, text, spans)

    def words(
        self, words: Sequence[str], level: Literal["word", "piece", "text"] = "word"
    ) -> Passage:
        """A text in the caller's segmentation, with a row for each word, each piece, or one."""
        return passages.word_passage(self._tokenizer, words, level)

    def text(self, text: str) -> Passage:
        """A text with one row."""
        return passages.text_passage(self._tokenizer, text)

    def blank(self, text: str) -> Blank:
        """A text with one blank, such as `我爱____`.

        Raises:
            BlankError: there is no blank, or more than one.
            TextError: the text holds a lone surrogate.
        """
        return find_blank(self._tokenizer, text)

    def embed(self, asked: Sequence[Passage], readouts: Sequence[Readout]) -> list[Vectors]:
        """The vectors of each passage, read out as its readout says.

        Returns:
            For each passage `[rows, dim]`, or `[layers, rows, dim]` where layers are named.
        """
        return self.answer([self.vectors_for(*one) for one in zip(asked, readouts, strict=True)])

    def vectors_for(self, passage: Passage, readout: Readout) -> Question[Vectors]:
        """Return the question that `embed` answers for each passage."""
        return VectorsFor(passage, readout)

    @overload
    def fill(self, text: str, top_k: int = 10, num_pieces: Literal[1] = 1) -> Guesses: ...

    @overload
    def fill(self, text: str, top_k: int = 10, *, num_pieces: int) -> Guesses | Phrases: ...

    def fill(self, text: str, top_k: int = 10, num_pieces: int = 1) -> Guesses | Phrases:
        """What is most probable in the one blank of a text.

        Args:
            text: With a blank of two or more underscores.
            top_k: How many from each side; of several pieces at most 16.
            num_pieces: How many pieces fill the blank.

        Returns:
            For `forward`, which reads what stands left of the blank, `backward`, which reads what
            stands right of it, and `cloze`, which reads both: pieces, or phrases of several, the
            most probable first.

        Raises:
            BlankError: there is no blank, or more than one.
            SearchError: top_k or num_pieces is outside its range.
            TextError: the text holds a lone surrogate.
        """
        blank = self.blank(text)
        if num_pieces == 1:
            return self.answer([self.guesses_for(blank, top_k)])[0]
        return self.phrases_for(blank, num_pieces, top_k).finish()

    def guesses_for(self, blank: Blank, top_k: int) -> Question[Guesses]:
        """Return the question that `fill` answers for one piece."""
        return GuessesFor(blank, top_k, self._tokenizer)

    def phrases_for(self, blank: Blank, num_pieces: int, top_k: int) -> Underway[Phrases]:
        """Return the question that `fill` answers for several pieces.

        Raises:
            SearchError: top_k or num_pieces is outside its range.
        """
        return Underway(PhrasesFor(self._filler, blank, num_pieces, top_k))

    def complete(
        self, text: str, strategy: Strategy = GREEDY, max_pieces: int = 20
    ) -> list[Completion]:
        """How the forward model goes on with a text.

        Args:
            text: Cut into pieces by itself; may be empty.
            strategy: `Greedy()`, `Sampling(…)` or `Beam(…)`.
            max_pieces: How long a completion may be.

        Raises:
            SearchError: max_pieces is below 1.
            TextError: the text holds a lone surrogate.
        """
        return self.completions_for(text, strategy, max_pieces).finish()

    def completions_for(
        self, text: str, strategy: Strategy, max_pieces: int
    ) -> Underway[list[Completion]]:
        """Return the question that `complete` answers; it raises the same errors."""
        ids = self._tokenizer.encode(text).ids
        return Underway(CompletionsFor(self._writer, ids, strategy, max_pieces))

    def inspect(self, text: str, layer: int = 1, direction: Direction = "forward") -> Gates:
        """What one layer does at each piece of a text: its gates and its cell, step by step.

        Args:
            text: Whose pieces are those of `pieces`.
            layer: Counted from 1, for representation 0 is the piece embedding.
            direction: From which end it is read; the rows are in the order of the text in either.

        Raises:
            LayerError: the model has no such layer.
            TextError: the text holds a lone surrogate.
        """
        return self.gates_for(self.pieces(text), layer, direction).finish()

    def gates_for(self, passage: Passage, layer: int, direction: Direction) -> Underway[Gates]:
        """Return the question that `inspect` answers for a text.

        Raises:
            LayerError: the model has no such layer.
        """
        return Underway(GatesFor(self.artifact.model, passage.ids, layer, direction))

    @torch.inference_mode()
    def answer(self, questions: Sequence[Question[Answer]]) -> list[Answer]:
        """The answer to each question, whatever else is asked with it."""
        found: dict[int, Answer] = {}
        for text, framed in self._read([question.ids for question in questions]):
            found[text] = questions[text].answer(framed, self.artifact)
            del framed  # a view of the whole batch, which goes before the next one is read
        return [found[text] for text in range(len(questions))]

    @torch.inference_mode()
    def represent(self, texts: Sequence[Sequence[int]]) -> list[Float[Tensor, "depth framed dim"]]:
        """Every representation of each text, given as piece ids, between its boundary pieces."""
        # Copies, or the last text in use would keep a whole batch in memory.
        found = {text: framed.clone() for text, framed in self._read(texts)}
        return [found[text] for text in range(len(texts))]

    def _read(
        self, texts: Sequence[Sequence[int]]
    ) -> Iterator[tuple[int, Float[Tensor, "depth framed dim"]]]:
        """The number of a text and every representation of it, batch by batch."""
        config = self.artifact.config
        framed = [[config.bos_id, *ids, config.eos_id] for ids in texts]
        with self._cores() as cores_of_both:
            for batch in batches(framed, self._shapes):
                yield from zip(batch.texts, self._reader.read(batch, cores_of_both), strict=True)

    @property
    def heights(self) -> tuple[int, ...]:
        """How many texts one call may read: the heights of the shapes that are in use."""
        return tuple(sorted({height for height, _ in self._shapes}))

    @torch.inference_mode()
    def warm_up(self) -> tuple[int, ...]:
        """Prove every shape that may pay, and from now on use all that give a text the same bits.

        Returns:
            The heights of those shapes: how many texts one call reads.
        """
        for _ in self.prove():
            pass
        return self.heights

    def prove(self) -> Generator[None, None, None]:
        """Do what `warm_up` does in short steps, and use each shape as soon as it is proved.

        Texts may be read between the steps and during them: whatever the shapes in use, they have
        the same bits. The steps belong under `torch.inference_mode`.
        """
        proof = Proof(self._call, self._reader.embedded, self.artifact.config)
        for _ in proof.steps():
            self._shapes = proof.proved
            yield
        self._shapes = proof.proved

    def _call(
        self, depth: int, x: Float[Tensor, "direction time batch width"], state: State
    ) -> tuple[Float[Tensor, "direction time batch dim"], State]:
        with self._cores() as cores_of_both:
            return self._reader.call(depth, x, state, cores_of_both)

    @contextmanager
    def _cores(self) -> Iterator[int | None]:
        """The cores that read both directions side by side; None to read one after the other."""
        both_at_once = self._both_at_once
        if both_at_once is None:
            both_at_once = torch.get_num_threads() > 1
        with on_one_core() if both_at_once else nullcontext() as cores_of_both:
            yield cores_of_both

    def self_test(self) -> float:
        """Embed the artifact's golden texts; return the largest deviation.

        Raises:
            SelfTestError: pieces differ, or a vector by more than the rounding of the precision.
        """
        asked = [self.pieces(golden.text) for golden in self.artifact.golden]
        readout = Readout(self.artifact.layers)
        found = self.embed(asked, [readout] * len(asked))
        compared = zip(self.artifact.golden, asked, found, strict=True)
        deviations = [
            checked_deviation(golden, passage.ids, vectors, self.precision)
            for golden, passage, vectors in compared
        ]
        return max(deviations, default=0.0)
