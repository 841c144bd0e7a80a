import json

import numpy as np
import pytest

from biLM.bulk.sources import Record
from biLM.bulk.transform import LEVELS, Transform, Wanted
from biLM.errors import BulkError, LayerError, MixError, SourceError
from biLM.network.config import CONTEXT
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.readout import Readout

TEXTS = ["我吃了一个苹果", "", "手机"]
SPANS = [((0, 1), (5, 7)), (), ((0, 2),)]


def records(texts=TEXTS, spans=SPANS):
    return [
        Record(number + 7, f"a.txt, line {number}", text, marks, number)
        for number, (text, marks) in enumerate(zip(texts, spans, strict=True))
    ]


def transformed(transform, records):
    return transform([transform.read(record) for record in records])


def matrix(batch, name):
    return np.array(batch.column(name).to_pylist(), dtype=np.float32)


def passages(encoder, level):
    read = {"piece": encoder.pieces, "char": encoder.chars, "text": encoder.text}
    if level == "span":
        return [encoder.spans(text, marks) for text, marks in zip(TEXTS, SPANS, strict=True)]
    if level == "word":
        return [encoder.words(list(text)) for text in TEXTS]
    return [read[level](text) for text in TEXTS]


@pytest.mark.parametrize("level", LEVELS)
def test_rows_are_those_of_the_encoder_at_every_level(encoder, level):
    wanted = Wanted(level=level, mix="top", pooling="max", center=True, normalize=True)
    texts = [tuple(text) for text in TEXTS] if level == "word" else TEXTS
    found = transformed(Transform(encoder, wanted), records(texts))
    asked = passages(encoder, level)
    readout = Readout(encoder.mix("top"), "max", center=True, normalize=True)
    expected = np.concatenate(encoder.embed(asked, [readout] * 3))
    np.testing.assert_array_equal(matrix(found, "vector"), expected)
    offsets = [offset for passage in asked for offset in passage.offsets]
    assert list(zip(found["begin"].to_pylist(), found["end"].to_pylist(), strict=True)) == offsets
    numbers = [n for n, p in zip((7, 8, 9), asked, strict=True) for _ in range(p.num_rows)]
    assert found["text"].to_pylist() == numbers


def test_a_row_of_a_piece_tells_the_piece(encoder):
    found = transformed(Transform(encoder, Wanted()), records())
    pieces = [piece for text in TEXTS for piece in encoder.pieces(text).pieces]
    assert found["piece"].to_pylist() == pieces


def test_named_layers_stand_in_a_column_each(encoder):
    found = transformed(Transform(encoder, Wanted(layers=(2, CONTEXT))), records())
    asked = [encoder.pieces(text) for text in TEXTS]
    expected = np.concatenate(encoder.embed(asked, [Readout((2, CONTEXT))] * 3), axis=1)
    np.testing.assert_array_equal(matrix(found, "layer_2"), expected[0])
    np.testing.assert_array_equal(matrix(found, "context"), expected[1])
    everything = Transform(encoder, Wanted(layers="all")).schema.names
    assert everything[4:] == ["layer_0", "layer_1", "layer_2"]


def test_records_without_any_row_make_an_empty_table(encoder):
    found = transformed(Transform(encoder, Wanted(layers="all")), records([""], [()]))
    assert found.num_rows == 0
    assert found.schema.names[-1] == "layer_2"


def test_the_schema_tells_the_model(encoder):
    told = json.loads(Transform(encoder, Wanted(level="char")).schema.metadata[b"bilm"])
    assert told["revision"] == encoder.artifact.revision
    assert told["wanted"]["level"] == "char"


def test_float16_is_float32_rounded_once(encoder):
    exact = transformed(Transform(encoder, Wanted()), records())
    half = transformed(Transform(encoder, Wanted(dtype="float16")), records())
    np.testing.assert_array_equal(
        matrix(half, "vector"), matrix(exact, "vector").astype(np.float16).astype(np.float32)
    )


def test_a_vector_beyond_float16_is_told_with_its_place(encoder, monkeypatch):
    monkeypatch.setitem(encoder.artifact.mixes, "huge", ScalarMix((0.2, 0.3, 0.5), 1e6))
    with pytest.raises(BulkError, match=r"a\.txt, line 0: a vector is beyond float16"):
        transformed(Transform(encoder, Wanted(mix="huge", dtype="float16")), records())


def test_a_text_beyond_the_limit_is_refused_or_loses_an_end(encoder):
    with pytest.raises(SourceError, match="line 0: the text has at least 6 pieces; the limit is 2"):
        transformed(Transform(encoder, Wanted(max_text_pieces=2)), records())
    kept = transformed(Transform(encoder, Wanted(max_text_pieces=2, truncate="left")), records())
    whole = encoder.pieces(TEXTS[0])
    assert kept["piece"].to_pylist()[:2] == list(whole.pieces[-2:])
    assert kept["end"].to_pylist()[1] == len(TEXTS[0])


def test_a_span_outside_its_text_and_half_a_character_are_told_with_their_place(encoder):
    with pytest.raises(SourceError, match=r"a\.txt, line 0: span 0 is"):
        transformed(Transform(encoder, Wanted(level="span")), records(["苹果"], [((0, 3),)]))
    with pytest.raises(SourceError, match=r"a\.txt, line 0: "):
        transformed(Transform(encoder, Wanted()), records(["苹\ud800果"], [()]))


def test_a_mix_or_layer_that_is_not_there_is_told(encoder):
    with pytest.raises(MixError, match="nobody"):
        Transform(encoder, Wanted(mix="nobody"))
    with pytest.raises(LayerError, match="layer 3 is not one of 0, 1, 2, context"):
        Transform(encoder, Wanted(layers=(3,)))
    with pytest.raises(LayerError, match="each may be named once"):
        Transform(encoder, Wanted(layers=(0, 0)))
    with pytest.raises(LayerError, match="a whole text has no context"):
        Transform(encoder, Wanted(level="text", layers=(CONTEXT,)))
