"""Turn texts into contextual vectors and other answers: the one door into the package.

    encoder = Encoder.load("zh-small")
    passage = encoder.chars("我吃了一个苹果")
    vectors = encoder.embed([passage], [Readout(encoder.mix("default"))])[0]  # (7, 1024)

A vector depends only on the artifact and on the text. Every text starts from a zero state, and
neither its neighbours nor padding nor an earlier call can reach it.

Each kind of question has two methods: `vectors_for` makes one, and `embed` answers it at once. A
caller who schedules the work makes questions and answers them with `answer` or `Underway.go_on`.
"""

from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar, overload

import torch
from jaxtyping import Float
from torch import Tensor

from biLM.artifact import Artifact, load_artifact
from biLM.copies import Copies
from biLM.errors import DamagedFileError
from biLM.inference import as_inference
from biLM.limit import NO_LIMIT, Limit
from biLM.network.scalar_mix import ScalarMix
from biLM.proof import Proof
from biLM.questions.alone import Alone
from biLM.questions.blank import Blank, Guesses, GuessesFor
from biLM.questions.completions import Completion, CompletionsFor, Greedy, Strategy
from biLM.questions.gates import Direction, Gates, GatesFor
from biLM.questions.passage import Passage
from biLM.questions.phrases import Phrases, PhrasesFor
from biLM.questions.question import Question, Underway, finished
from biLM.questions.readout import Readout
from biLM.questions.texts import Texts
from biLM.questions.vectors import Vectors, VectorsFor
from biLM.reading.batch import MAX_BATCH_PIECES, SURE_SHAPE, Shape, batches, most_read
from biLM.reading.padded import read_padded
from biLM.reading.precision import CPU, PrecisionChoice, chosen_precision
from biLM.reading.reader import Reader
from biLM.reading.side_by_side import cores_for
from biLM.self_test import checked_deviation
from biLM.similar_words import similar_words
from biLM.tokenizer import Tokenizer
from biLM.warming import Warming

Answer = TypeVar("Answer")
GREEDY = Greedy()


class Encoder(Texts):
    """A loaded artifact, ready to read texts.

    Weights that are changed in place are noticed, and the next call reads with them. An encoder can
    be pickled; the other one proves its shapes anew.

    Args:
        artifact: The artifact: a model with its tokenizer, its mixes and its golden vectors.
        precision: The precision in which the LSTMs multiply; `auto` is the fastest that this
            machine has, which the service uses.
        both_at_once: Whether the two directions are read side by side; None means that they are if
            the calling thread may use more than one core.
        device: Where the LSTMs read texts, such as `cuda`. On any device but a CPU, torch's own
            LSTM reads in float32, and the last bits of a vector may depend on its neighbours.
            Everything else is computed on the CPU.

    Raises:
        PrecisionError: the device does not have this precision.
        DamagedFileError: the vocabulary does not belong to the model.
    """

    def __init__(
        self,
        artifact: Artifact,
        precision: PrecisionChoice = "float32",
        both_at_once: bool | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.artifact = artifact
        self.device = torch.device(device)
        self.precision = chosen_precision(precision, self.device)
        super().__init__(Tokenizer(artifact.pieces_model))
        self._both_at_once = both_at_once
        self._shapes: frozenset[Shape] = frozenset([SURE_SHAPE])
        self._warming = Warming()
        self._made = self._new_copies()
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
        device: str | torch.device = "cpu",
    ) -> "Encoder":
        """Load the encoder of an artifact folder.

        Args:
            folder: The folder of the artifact, or the name of a shipped model.
            precision: See the class.
            mixes: A file of further mixes; see `read_mixes`.
            both_at_once: See the class.
            device: See the class.

        Raises:
            PrecisionError: the device does not have this precision.
            ArtifactError: the folder is incomplete, foreign or damaged.
            MixError: a further mix does not fit.
        """
        return cls(load_artifact(folder).with_mixes(mixes), precision, both_at_once, device)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle what the encoder was made of; oneDNN's copies of the weights cannot be pickled."""
        return type(self), (self.artifact, self.precision, self._both_at_once, self.device)

    def __copy__(self) -> "Encoder":
        """Return an encoder with the same weights that keeps the shapes of now."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def _new_copies(self) -> Copies:
        dtype = getattr(torch, self.precision)
        return Copies(self.artifact, self._tokenizer, dtype, self.device)

    @property
    def _copies(self) -> Copies:
        """The copies of the weights as they are now; they are made anew if the weights changed."""
        if not self._made.are_current():
            self._made = self._new_copies()
        return self._made

    @property
    def _reader(self) -> Reader:
        return self._copies.reader

    def mix(self, name: str) -> ScalarMix:
        """Return a mix of the artifact by its name.

        Raises:
            MixError: the artifact has no mix of that name.
        """
        return self.artifact.mix(name)

    def embed(self, passages: Sequence[Passage], readouts: Sequence[Readout]) -> list[Vectors]:
        """Return the vectors of each passage, made as its readout says.

        A passage that is given several times, with a readout each time, is read once. Shapes are
        proved on the way; see `warming`.

        Returns:
            An array `[rows, dim]` for each passage, or `[layers, rows, dim]` if its readout names
            layers.
        """
        asked = [self.vectors_for(*one) for one in zip(passages, readouts, strict=True)]
        with self.warming():
            return self.answer(asked)

    def vectors_for(self, passage: Passage, readout: Readout) -> Question[Vectors]:
        """Return the question that `embed` answers for each passage."""
        return VectorsFor(passage, readout)

    @overload
    def fill(self, text: str, top_k: int = 10, num_pieces: Literal[1] = 1) -> Guesses: ...

    @overload
    def fill(self, text: str, top_k: int = 10, *, num_pieces: int) -> Guesses | Phrases: ...

    def fill(self, text: str, top_k: int = 10, num_pieces: int = 1) -> Guesses | Phrases:
        """Return what is most probable in the one blank of a text.

        Args:
            text: A text with one blank, which is two or more underscores of any width.
            top_k: How many results to return from each side; for several pieces at most 16.
            num_pieces: How many pieces fill the blank.

        Returns:
            Results by `forward`, which reads the text left of the blank, `backward`, which reads
            the text right of it, and `cloze`, which reads both. They are pieces, or phrases if
            num_pieces is above 1, and the most probable come first.

        Raises:
            BlankError: the text has no blank, or more than one.
            SearchError: top_k or num_pieces is outside its range.
            TextError: the text contains a lone surrogate.
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
        return Underway(PhrasesFor(self._copies.filler, blank, num_pieces, top_k))

    def complete(
        self, text: str, strategy: Strategy = GREEDY, max_pieces: int = 20
    ) -> list[Completion]:
        """Continue a text with the forward model.

        Args:
            text: The text, which is cut into pieces without its completion; it may be empty.
            strategy: The search for completions: `Greedy()`, `Sampling(…)` or `Beam(…)`.
            max_pieces: The largest number of pieces in a completion.

        Raises:
            SearchError: max_pieces is below 1.
            TextError: the text contains a lone surrogate.
        """
        return self.completions_for(text, strategy, max_pieces).finish()

    def completions_for(
        self, text: str, strategy: Strategy, max_pieces: int, limit: Limit = NO_LIMIT
    ) -> Underway[list[Completion]]:
        """Return the question that `complete` answers; it raises the same errors.

        Raises:
            TextTooLongError: the text has more pieces than the limit.
        """
        ids = self._tokenizer.encode(text, limit).ids
        return Underway(CompletionsFor(self._copies.writer, ids, strategy, max_pieces))

    def inspect(self, text: str, layer: int = 1, direction: Direction = "forward") -> Gates:
        """Return the gates and the cell states of one layer at each piece of a text.

        Args:
            text: The text, which is cut into the same pieces as by `pieces`.
            layer: The layer, counted from 1, because representation 0 is the piece embedding.
            direction: The end from which the text is read. Rows are in text order either way.

        Raises:
            LayerError: the model has no such layer.
            TextError: the text contains a lone surrogate.
        """
        return self.gates_for(self.pieces(text), layer, direction).finish()

    def gates_for(self, passage: Passage, layer: int, direction: Direction) -> Underway[Gates]:
        """Return the question that `inspect` answers for a text.

        Raises:
            LayerError: the model has no such layer.
        """
        return Underway(GatesFor(self.artifact.model, passage.ids, layer, direction))

    @as_inference
    def answer(self, questions: Sequence[Question[Answer]]) -> list[Answer]:
        """Return the answer to each question; no answer depends on the other questions."""
        about: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, question in enumerate(questions):
            about[question.ids].append(number)
        texts, found = list(about), dict[int, Answer]()
        for text, framed in self._read(texts):
            for number in about[texts[text]]:
                found[number] = finished(questions[number].answering(framed, self.artifact))
            # A view would keep this batch in memory while the next one is read.
            del framed
        return [found[number] for number in range(len(questions))]

    def alone(self, question: Question[Answer]) -> Underway[Answer]:
        """Return a question about a long text as one that is answered in steps.

        Its answer has the same bits. Between the steps, other questions can be answered.
        """
        return Underway(Alone(question, self._read_alone, self.artifact))

    @as_inference
    def represent(self, texts: Sequence[Sequence[int]]) -> list[Float[Tensor, "depth framed dim"]]:
        """Return every representation of each text, with those of its two boundary pieces.

        Args:
            texts: The piece ids of each text.
        """
        # Views would keep the memory of a whole batch as long as one of its texts is in use.
        found = {text: framed.clone() for text, framed in self._read(texts)}
        return [found[text] for text in range(len(texts))]

    def _read(
        self, texts: Sequence[Sequence[int]]
    ) -> Iterator[tuple[int, Float[Tensor, "depth framed dim"]]]:
        """Yield the number of each text and its representations, batch by batch."""
        framed = [self.artifact.config.framed(ids) for ids in texts]
        copies = self._copies
        if copies.elsewhere is not None:
            yield from read_padded(copies.elsewhere, framed, onto=CPU)
            return
        with cores_for(self._both_at_once) as cores_of_both:
            for batch in batches(framed, self._shapes):
                yield from zip(batch.texts, copies.reader.read(batch, cores_of_both), strict=True)

    def _read_alone(
        self, ids: Sequence[int]
    ) -> Generator[None, None, Float[Tensor, "depth framed dim"]]:
        """Return the representations of one text, pausing after each stretch."""
        if self._copies.elsewhere is not None:
            ((_, found),) = self._read([ids])
            return found
        (batch,) = batches([self.artifact.config.framed(ids)], self._shapes)
        return (yield from self._reader.read_alone(batch, self._both_at_once))

    @property
    def heights(self) -> tuple[int, ...]:
        """The numbers of texts that one call may read: the heights of the shapes in use."""
        return tuple(sorted({height for height, _ in self._shapes}))

    def reading_bytes(self, num_pieces: int, longest: int) -> int:
        """Return how many bytes reading takes at most in a call of `answer` on the CPU.

        The answers are not counted, nor is what the heads compute with.

        Args:
            num_pieces: Pieces of all texts, counted as in `Cost.padded_pieces`.
            longest: The most pieces of one text.
        """
        in_batch = max(longest, min(num_pieces, MAX_BATCH_PIECES))
        return self._reader.reading_bytes(in_batch, most_read(in_batch, longest, self._shapes))

    @as_inference
    def warm_up(self) -> tuple[int, ...]:
        """Try every shape that may be fast, and use those that give a text the same bits.

        Returns:
            The heights of the shapes in use.
        """
        self._shapes = frozenset([SURE_SHAPE])
        for _ in self.prove():
            pass
        return self.heights

    def warming(self) -> AbstractContextManager[None]:
        """Return a block in which texts are read; `embed` is one.

        Before the block, shapes are proved for at most as long as earlier blocks took. So whoever
        reads often reads fast, without a call of `warm_up`. It changes no bit of a vector.
        """
        return self._warming.beside(self.prove)

    def prove(self) -> Generator[None, None, None]:
        """Do the work of `warm_up` in short steps, and use each shape as soon as it is proved.

        Each `yield` marks a place to pause. Texts may be read between the steps and during them,
        because every shape in use gives the same bits. The caller runs the steps under
        `torch.inference_mode`.
        """
        copies = self._copies  # for the whole proof, because all results must be of one model
        if copies.elsewhere is None:
            call = partial(copies.reader.call, both_at_once=self._both_at_once)
            proof = Proof(call, copies.reader.embedded, self.artifact.config)
            for _ in proof.steps():
                # Another thread may have proved others meanwhile, which stay in use.
                self._shapes |= proof.proved
                yield
            self._shapes |= proof.proved
        self._warming.end()

    def similar_words(self) -> dict[str, list[str]]:
        """Return some frequent words, each with those that are expected in similar contexts."""
        return similar_words(self.artifact, self._tokenizer)

    def self_test(self) -> float:
        """Embed the golden texts of the artifact, and return the largest deviation.

        Raises:
            SelfTestError: the pieces of a text differ, or a vector does by more than the rounding
                of the precision.
        """
        passages = [self.pieces(golden.text) for golden in self.artifact.golden]
        readout = Readout(self.artifact.layers)
        found = self.answer([self.vectors_for(passage, readout) for passage in passages])
        compared = zip(self.artifact.golden, passages, found, strict=True)
        deviations = [
            checked_deviation(golden, passage.ids, vectors, self.precision)
            for golden, passage, vectors in compared
        ]
        return max(deviations, default=0.0)
