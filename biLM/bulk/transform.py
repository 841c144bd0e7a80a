"""Turn records into a table of vectors: one row for each piece, char, word, span or text.

The column `text` has the number of the record in the source, from 0, and `id` the caller's own id,
if a column of ids is named; `begin` and `end` have the place of the row in its text, in code
points. `piece` has the piece, if each row is one, and otherwise `num_pieces` the number of pieces
that the row was made of: 0 marks a vector of zeros. `vector` has the vector, a list of fixed size.
If layers are named, each has a column instead: `layer_0`, `layer_1`, `context`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biLM.artifact import Artifact
from biLM.bulk.sources import IdKind, Record
from biLM.encoder import Encoder
from biLM.errors import BulkError, LayerError, SourceError, SpanError, TextError, TextTooLongError
from biLM.limit import Limit
from biLM.network.config import CONTEXT, Layer
from biLM.network.pooling import Pooling
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.passage import Level, Passage
from biLM.questions.readout import Readout

LEVELS: tuple[Level, ...] = get_args(Level)
ID_TYPES = {"integer": pa.int64(), "string": pa.string()}
Array = npt.NDArray[np.float32] | npt.NDArray[np.float16]


@dataclass(frozen=True)
class Wanted:
    """Which vectors to make; the fields are those of POST /embed.

    Args:
        level: What makes a row.
        layers: The layers to write unmixed; `all` means every layer that has a number, None the
            mix.
        mix: The mix, by name or by its weights.
        pooling: How pieces become a row.
        center: Whether to centre by the artifact's geometry.
        normalize: Whether to scale each vector to unit length.
        dtype: Type of the values that are written.
        truncate: Which end of a text beyond the limit is cut off; None refuses the text.
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
        record: The record as it was read.
        passage: Its text in pieces, with the rows of the level.
    """

    record: Record
    passage: Passage


class Transform:
    """Makes tables from records; it keeps nothing between calls.

    Args:
        encoder: The encoder that makes the vectors.
        wanted: Which vectors to make.
        id_kind: The type of the records' ids; None if they have none.

    Raises:
        MixError: there is no such mix.
        LayerError: a layer is unknown, or named twice, or is the context of a whole text.
    """

    def __init__(self, encoder: Encoder, wanted: Wanted, id_kind: IdKind | None = None) -> None:
        self.wanted = wanted
        self.schema = schema_of(encoder.artifact, wanted, id_kind)
        self._encoder = encoder
        self._limit = Limit(wanted.max_text_pieces, wanted.truncate)
        layers = _layers(encoder.artifact, wanted)
        mix = wanted.mix if isinstance(wanted.mix, ScalarMix) else encoder.mix(wanted.mix)
        source = mix if layers is None else layers
        self._readout = Readout(source, wanted.pooling, wanted.center, wanted.normalize)

    def read(self, record: Record) -> Readable:
        """Cut a record into pieces.

        Raises:
            SourceError: the record could not be read, its text is over the limit, or a span is
                outside its text; the message names file and row.
        """
        if record.refusal:
            raise SourceError(record.refusal)
        try:
            passage = self._passage(record)
        except TextTooLongError as error:
            raise SourceError(
                f"{record.place}: {error}; split it, or ask for --truncate right or left"
            ) from error
        except (TextError, SpanError) as error:
            raise SourceError(f"{record.place}: {error}") from error
        return Readable(record, passage)

    def __call__(self, texts: Sequence[Readable]) -> pa.RecordBatch:
        """Return the rows of at least one text, in the order of the texts.

        Raises:
            BulkError: a value of a vector is beyond the range of the dtype.
        """
        passages = [text.passage for text in texts]
        vectors = self._encoder.embed(passages, [self._readout] * len(passages))
        # Each array has a leading axis of columns, for a mix as well.
        arrays = [self._checked(one, text.record) for one, text in zip(vectors, texts, strict=True)]
        columns = _places(texts)
        if "id" in self.schema.names:
            ids = [text.record.id for text in texts for _ in range(text.passage.num_rows)]
            columns.insert(1, pa.array(ids, self.schema.field("id").type))
        if self.wanted.level == "piece":
            columns.append(pa.array([piece for one in passages for piece in one.pieces or ()]))
        else:
            columns.append(_num_pieces(passages))
        for number in range(len(arrays[0])):
            column = np.concatenate([array[number] for array in arrays])
            columns.append(_fixed_size_lists(column))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _passage(self, record: Record) -> Passage:
        if not isinstance(record.text, str):
            return self._encoder.words(record.text, limit=self._limit)
        if self.wanted.level == "span":
            return self._encoder.spans(record.text, record.spans, self._limit)
        read = {
            "piece": self._encoder.pieces,
            "char": self._encoder.chars,
            "text": self._encoder.text,
        }
        return read[self.wanted.level](record.text, self._limit)

    def _checked(self, vectors: npt.NDArray[np.float32], record: Record) -> Array:
        layers = vectors if self._readout.layer_axis else vectors[None]
        with np.errstate(over="ignore"):  # an infinity is reported below, with its place
            array = layers.astype(self.wanted.dtype, copy=False)
        if not np.isfinite(array).all():
            raise BulkError(
                f"{record.place}: a vector is beyond {self.wanted.dtype}; write float32 or another"
                " mix, or use --normalize, each in another --out if this one holds vectors"
            )
        return array


def schema_of(artifact: Artifact, wanted: Wanted, id_kind: IdKind | None) -> pa.Schema:
    """Return the schema of the tables, which all files of a run share.

    Raises:
        LayerError: a layer is unknown, or named twice, or is the context of a whole text.
    """
    value = pa.float16() if wanted.dtype == "float16" else pa.float32()
    fields = [("text", pa.int64()), ("begin", pa.int32()), ("end", pa.int32())]
    if id_kind:
        fields.insert(1, ("id", ID_TYPES[id_kind]))
    if wanted.level == "piece":
        fields.append(("piece", pa.string()))
    else:
        fields.append(("num_pieces", pa.int32()))
    columns = _vector_columns(_layers(artifact, wanted), artifact.layers, wanted.level)
    fields += [(name, pa.list_(value, artifact.config.dim)) for name in columns]
    facts = {"id": artifact.id, "revision": artifact.revision, "wanted": asdict(wanted)}
    return pa.schema(fields, metadata={"bilm": json.dumps(facts, ensure_ascii=False)})


def _layers(artifact: Artifact, wanted: Wanted) -> tuple[Layer, ...] | None:
    if wanted.layers == "all":
        return tuple(layer for layer in artifact.layers if layer != CONTEXT)
    return wanted.layers


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


def _places(texts: Sequence[Readable]) -> list[pa.Array]:
    numbers = np.array([text.record.number for text in texts], np.int64)
    rows = [text.passage.num_rows for text in texts]
    flat = [offset for text in texts for offset in text.passage.offsets]
    begins, ends = np.array(flat, np.int32).reshape(-1, 2).T
    return [pa.array(column) for column in (np.repeat(numbers, rows), begins, ends)]


def _num_pieces(passages: Sequence[Passage]) -> pa.Array:
    ranges = [range_ for passage in passages for range_ in passage.ranges or ()]
    begins, ends = np.array(ranges, np.int32).reshape(-1, 2).T
    return pa.array(ends - begins)


def _fixed_size_lists(rows: Array) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
