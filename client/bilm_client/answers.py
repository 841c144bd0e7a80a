"""The results of the client: numpy arrays with the offsets that their rows belong to."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bilm_client.errors import ForeignAnswerError
from bilm_client.tensors import read_tensors

Vectors = npt.NDArray[np.float32] | npt.NDArray[np.float16]
Offsets = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.float32]
Answer = TypeVar("Answer")
SIDES = ("forward", "backward", "cloze")
# What reading a response raises if it is not of the expected form, however odd it is.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, eq=False)
class Embedding:
    """One text and its vectors.

    The arrays are copies of this text's part of the response: they may be written to, and keep
    nothing else in memory.

    Args:
        vectors: `[rows, dim]`, or `[layers, rows, dim]` if layers were requested.
        offsets: `[rows, 2]`, half-open, in code points of the text; None for texts given as ids.
        pieces: The piece of each row, at level piece only.
        ids: The piece id of each row, at level piece only.
        truncated: Whether the service truncated the text.
        empty_rows: The numbers of the rows that have no pieces and are zero: an empty word,
            characters without content, what was truncated.
    """

    vectors: Vectors
    offsets: Offsets | None
    pieces: tuple[str, ...] | None
    ids: npt.NDArray[np.int32] | None
    truncated: bool
    empty_rows: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Pieces:
    """One text split into pieces; offsets are half-open and count code points of the text."""

    pieces: tuple[str, ...] | None
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...] | None
    truncated: bool


@dataclass(frozen=True)
class Guess:
    """A piece that may stand in a blank, and its probability among all pieces that are text."""

    piece: str
    id: int
    probability: float


@dataclass(frozen=True)
class Phrase:
    """Several pieces that may stand in a blank, what they spell, and their log-probability."""

    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    text: str
    log_probability: float


@dataclass(frozen=True)
class Completion:
    """A possible continuation of a text.

    Args:
        text: The characters that the pieces spell.
        pieces: The pieces as they stand in the vocabulary.
        ids: The ids of the pieces.
        log_probability: Natural logarithm of the model's probability.
        finished: Whether the model ended the text after the last piece.
    """

    text: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    log_probability: float
    finished: bool


@dataclass(frozen=True)
class Occurrence:
    """An occurrence of a word: the index of the text, and `[begin, end)` in its code points."""

    text: int
    begin: int
    end: int


@dataclass(frozen=True, eq=False)
class WordVectors:
    """A vector for every occurrence of a word.

    Args:
        vectors: `[occurrences, dim]`, or `[layers, occurrences, dim]` if layers were requested.
        occurrences: The occurrences, from left to right, text by text.
        empty_rows: The numbers of the rows that have no pieces and are zero; see `Embedding`.
    """

    vectors: Vectors
    occurrences: tuple[Occurrence, ...]
    empty_rows: npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Similarity:
    """The cosines between the occurrences of a word.

    Args:
        occurrences: The occurrences, from left to right, text by text.
        layers: Cosines of each layer's vectors, `[layers, occurrences, occurrences]`.
        context: Cosines of what the model expects in and around the place of the word,
            `[occurrences, occurrences]`.
        mix: Cosines of the mixed vectors, `[occurrences, occurrences]`.
    """

    occurrences: tuple[Occurrence, ...]
    layers: npt.NDArray[np.float64]
    context: npt.NDArray[np.float64]
    mix: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gates:
    """The gates and cells of one layer of one direction, a row for each piece in text order.

    Args:
        pieces: The pieces of the text.
        ids: The ids of the pieces.
        offsets: The offset of each piece, half-open, in code points of the text.
        input_gate: The share of the candidate that is written. This array and those below have
            the shape `[pieces, cells]`.
        forget_gate: The share of the cell that is kept.
        candidate: The values that may be written.
        output_gate: The share of the cell that is shown.
        cell_state: forget_gate * the cell one step before + input_gate * candidate.
        state: output_gate * tanh(cell_state), the output of the layer.
    """

    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    input_gate: Numbers
    forget_gate: Numbers
    candidate: Numbers
    output_gate: Numbers
    cell_state: Numbers
    state: Numbers


def read_answer(read: Callable[[], Answer]) -> Answer:
    """Call `read`, which parses a response, and return its result.

    Raises:
        ForeignAnswerError: a field of the response is missing or has an unexpected type.
    """
    try:
        return read()
    except UNREADABLE as error:
        raise ForeignAnswerError(
            f"the response cannot be read: {error!r}; is it a biLM service of this version?"
        ) from error


def embeddings(body: bytes) -> tuple[str, list[Embedding]]:
    """Return the model's revision and the texts of a safetensors response of /embed."""
    tensors, rest = read_tensors(body)
    vectors, splits = tensors["embedding"], tensors["row_splits"].tolist()
    offsets, ids = tensors.get("offsets"), tensors.get("ids")
    if splits != sorted(splits) or splits[0] != 0 or splits[-1] != vectors.shape[-2]:
        raise ValueError(f"row_splits do not cut {vectors.shape[-2]} rows into texts")
    found = []
    for entry, first, last in zip(rest["data"], splits[:-1], splits[1:], strict=True):
        pieces = entry.get("pieces")
        found.append(
            Embedding(
                vectors=vectors[..., first:last, :].copy(),
                offsets=None if offsets is None else offsets[first:last].copy(),
                pieces=None if pieces is None else tuple(pieces),
                ids=None if ids is None else ids[first:last].copy(),
                truncated=entry["truncated"],
                empty_rows=np.array(entry.get("empty_rows", ()), np.intp),
            )
        )
    revision = rest["model"]["revision"]
    if not isinstance(revision, str):
        raise TypeError(f"the revision is of type {type(revision).__name__}")
    return revision, found


def cut(answer: Mapping[str, Any]) -> list[Pieces]:
    """Return the texts of a response of /tokenize."""
    return [
        Pieces(
            pieces=None if entry.get("pieces") is None else tuple(entry["pieces"]),
            ids=tuple(entry["ids"]),
            offsets=None if entry.get("offsets") is None else tuple(map(tuple, entry["offsets"])),
            truncated=entry["truncated"],
        )
        for entry in answer["data"]
    ]


def guesses(answer: Mapping[str, Any]) -> dict[str, list[Guess]]:
    """Return the guesses of a response of /fill by side: forward, backward and cloze."""
    return {side: [_guess(guess) for guess in answer[side]] for side in SIDES}


def phrases(answer: Mapping[str, Any]) -> dict[str, list[Phrase]]:
    """Return the phrases of a response of /fill by side: forward, backward and cloze."""
    return {side: [_phrase(phrase) for phrase in answer[side]] for side in SIDES}


def completions(answer: Mapping[str, Any]) -> list[Completion]:
    """Return the completions of a response of /complete."""
    return [
        Completion(
            text=entry["text"],
            pieces=tuple(entry["pieces"]),
            ids=tuple(entry["ids"]),
            log_probability=entry["log_probability"],
            finished=entry["finished"],
        )
        for entry in answer["data"]
    ]


def gates(answer: Mapping[str, Any]) -> Gates:
    """Return the arrays of a response of /inspect in base64."""
    names = ("input_gate", "forget_gate", "candidate", "output_gate", "cell_state", "state")
    shape = answer["shape"]
    bodies = (base64.b64decode(answer[name]) for name in names)
    arrays = (np.frombuffer(bytearray(body), "<f4").reshape(shape) for body in bodies)
    offsets = tuple((begin, end) for begin, end in answer["offsets"])
    return Gates(tuple(answer["pieces"]), tuple(answer["ids"]), offsets, *arrays)


def similarity(answer: Mapping[str, Any]) -> Similarity:
    """Return the matrices of a response of /similarity."""
    occurrences = (Occurrence(found["index"], *found["offset"]) for found in answer["occurrences"])
    matrices = (np.array(answer["cosine"][name]) for name in ("layers", "context", "mix"))
    return Similarity(tuple(occurrences), *matrices)


def _phrase(phrase: Mapping[str, Any]) -> Phrase:
    pieces, ids = tuple(phrase["pieces"]), tuple(phrase["ids"])
    return Phrase(pieces, ids, phrase["text"], phrase["log_probability"])


def _guess(guess: Mapping[str, Any]) -> Guess:
    return Guess(guess["piece"], guess["id"], guess["probability"])
