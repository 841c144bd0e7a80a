"""Records -> a table of vectors: one row for each piece, char, word, span or text.

Columns: `text` counts the records of the source from 0; `begin` and `end` are the row's place in
its text, in code points; `piece` is the piece, where a row is one; `vector` is a list of fixed
size, or where layers are named there is one for each: `layer_0`, `layer_1`, `context`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biLM.bulk.sources import Record
from biLM.encoder import Encoder
from biLM.errors import BulkError, LayerError, SourceError, SpanError, TextError
from biLM.passage import Level, Passage, shortened
from biLM.pooling import Pooling
from biLM.readout import CONTEXT, Layer, Readout
from biLM.scalar_mix import ScalarMix

LEVELS: tuple[Level, ...] = get_args(Level)
Array = npt.NDArray[np.float32] | npt.NDArray[np.float16]


@dataclass(frozen=True)
class Wanted:
    """Which vectors are made; fields are those of POST /embed.

    Args:
        level: What makes a row.
        layers: Each unmixed: those named, or `all` that have a number; None for the mix.
        mix: By name, or by its numbers.
        pooling: How pieces become a row.
        center: Centred by the artifact's geometry.
        normalize: To unit length.
        dtype: Of what is written.
        truncate: Which end a text loses beyond the limit; None refuses it.
        max_text_pieces: The limit; memory grows with it.
    """

    level: Level = "piece"
    layers: tuple[Layer, ...] | Literal["all"] | None = None
    mix: str | ScalarMix = "default"
    pooling: Pooling = "mean"
    center: bool = False
    normalize: bool = False
    dtype: Literal["float32", "float16"] = "float32"
    truncate: Literal["left", "right"] | None = None
    max_text_pieces: int = 8192


@dataclass(frozen=True)
class Readable:
    """A record that can be embedded.

    Args:
        record: As it was read.
        passage: Its text in pieces, with the rows of the level.
    """

    record: Record
    passage: Passage


class Transform:
    """Makes tables of the records it is given; it keeps nothing between them.

    Args:
        encoder: Whose vectors they are.
        wanted: Which vectors.

    Raises:
        MixError: there is no such mix.
        LayerError: the model has no such layer.
    """

    def __init__(self, encoder: Encoder, wanted: Wanted) -> None:
        self.wanted = wanted
        self._encoder = encoder
        known = encoder.artifact.layers
        numbered = tuple(layer for layer in known if layer != CONTEXT)
        layers = numbered if wanted.layers == "all" else wanted.layers
        mix = wanted.mix if isinstance(wanted.mix, ScalarMix) else encoder.mix(wanted.mix)
        source = mix if layers is None else layers
        self._readout = Readout(source, wanted.pooling, wanted.center, wanted.normalize)
        self._columns = _vector_columns(layers, known, wanted.level)
        self.schema = self._schema()

    def read(self, record: Record) -> Readable:
        """Cut a record into pieces.

        Raises:
            SourceError: it could not be read, its text is over the limit, or a span outside its
                text; by file and row.
        """
        if record.refusal:
            raise SourceError(record.refusal)
        try:
            passage = self._passage(record)
        except (TextError, SpanError) as error:
            raise SourceError(f"{record.place}: {error}") from error
        if len(passage.ids) <= self.wanted.max_text_pieces:
            return Readable(record, passage)
        if self.wanted.truncate is None:
            raise SourceError(
                f"{record.place}: the text has {len(passage.ids)} pieces; the limit is"
                f" {self.wanted.max_text_pieces}; split it, or ask for --truncate right or left"
            )
        limit = self.wanted.max_text_pieces
        return Readable(record, shortened(passage, limit, self.wanted.truncate))

    def __call__(self, texts: Sequence[Readable]) -> pa.RecordBatch:
        """One row for each row of each of at least one text, in their order.

        Raises:
            BulkError: a vector is beyond the dtype.
        """
        passages = [text.passage for text in texts]
        vectors = self._encoder.embed(passages, [self._readout] * len(passages))
        # One leading axis, of the columns, whatever is read out.
        arrays = [self._checked(one, text.record) for one, text in zip(vectors, texts, strict=True)]
        columns = [pa.array(column) for column in _places(texts)]
        if self.wanted.level == "piece":
            columns.append(pa.array([piece for one in passages for piece in one.pieces or ()]))
        for number in range(len(self._columns)):
            column = np.concatenate([array[number] for array in arrays])
            columns.append(_fixed_size_lists(column))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _schema(self) -> pa.Schema:
        artifact = self._encoder.artifact
        value = pa.float16() if self.wanted.dtype == "float16" else pa.float32()
        fields = [("text", pa.int64()), ("begin", pa.int32()), ("end", pa.int32())]
        if self.wanted.level == "piece":
            fields.append(("piece", pa.string()))
        fields += [(name, pa.list_(value, artifact.config.dim)) for name in self._columns]
        told = {"id": artifact.id, "revision": artifact.revision, "wanted": asdict(self.wanted)}
        return pa.schema(fields, metadata={"bilm": json.dumps(told, ensure_ascii=False)})

    def _passage(self, record: Record) -> Passage:
        if not isinstance(record.text, str):
            return self._encoder.words(record.text)
        if self.wanted.level == "span":
            return self._encoder.spans(record.text, record.spans)
        read = {
            "piece": self._encoder.pieces,
            "char": self._encoder.chars,
            "text": self._encoder.text,
        }
        return read[self.wanted.level](record.text)

    def _checked(self, vectors: npt.NDArray[np.float32], record: Record) -> Array:
        layers = vectors if self._readout.num_layers() else vectors[None]
        with np.errstate(over="ignore"):  # an infinity is told below, with its place
            array = layers.astype(self.wanted.dtype, copy=False)
        if not np.isfinite(array).all():
            raise BulkError(
                f"{record.place}: a vector is beyond {self.wanted.dtype}; ask for float32, for"
                " another mix, or for --normalize"
            )
        return array


def _vector_columns(
    layers: tuple[Layer, ...] | None, known: tuple[Layer, ...], level: Level
) -> list[str]:
    if layers is None:
        return ["vector"]
    for layer in layers:
        if layer not in known:
            raise LayerError(f"layer {layer} is not one of {', '.join(map(str, known))}")
    if len(set(layers)) < len(layers):
        raise LayerError(f"layers {', '.join(map(str, layers))}: each may be named once")
    if level == "text" and CONTEXT in layers:
        raise LayerError("a whole text has no context: nothing stands around it; ask for a layer")
    return [CONTEXT if layer == CONTEXT else f"layer_{layer}" for layer in layers]


def _places(
    texts: Sequence[Readable],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    numbers = np.array([text.record.number for text in texts], np.int64)
    rows = [text.passage.num_rows for text in texts]
    flat = [offset for text in texts for offset in text.passage.offsets]
    begins, ends = np.array(flat, np.int32).reshape(-1, 2).T
    return np.repeat(numbers, rows), begins, ends


def _fixed_size_lists(rows: Array) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
