from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biLM.encoder import Encoder
from biLM.errors import ArtifactError, LayerError, MixError
from biLM.network.scalar_mix import ScalarMix
from biLM.questions.passage import Passage
from biLM.questions.question import BLOCK_PLACES
from biLM.questions.readout import Readout
from biLM.questions.vectors import VectorsFor
from biLM.reading.batch import FEW_HEIGHTS, HEIGHTS, SHAPES
from biLM.reading.layer import ReadingLayer
from biLM.reading.side_by_side import side_by_side
from tests.properties import examples
from tests.reference.geometry import centred
from tests.reference.heads import contexts
from tests.reference.instruction_sets import AGREEING_HEIGHTS
from tests.reference.lstm import representations
from tests.reference.precisions import needs_bfloat16
from tests.reference.texts import texts
from tests.reference.touching import touching

# Float32 rounding of up to 320 recurrent steps against float64; a wrong layer is off by 1e-1.
TO_THE_ORACLE = {"rtol": 0, "atol": 1e-5}
# Agreeing shapes sum in the same order; the tolerance leaves room for another kernel.
REORDERED = {"rtol": 0, "atol": 1e-6}

TEXT = "我吃了一个苹果，味道ﬁne👍。"
WORDS = ["我", "吃了", "", "一个", "苹果", "，", "New", "York"]
READ_AS = ["我", "吃了", "", "一个", "苹果", "，", "New", " York"]
SPANS = [(0, 1), (5, 7), (6, 7), (0, len(TEXT)), (10, 14), (1, 3)]
DEFAULT_WEIGHTS = (0.2, 0.3, 0.5)  # those of the suite's artifact
LAYERS = Readout((0, 1, 2))
EVERYTHING = Readout((0, 1, 2, "context"))
piece_ids = st.lists(st.integers(3, 90), max_size=70)
some_ids = piece_ids.filter(bool)


@pytest.fixture(scope="module")
def oracle_between(artifact):
    """A function of piece ids: all representations by the equations, boundary pieces included."""

    def layers(ids):
        framed = [artifact.config.bos_id, *ids, artifact.config.eos_id]
        return representations(artifact.model.state_dict(), framed)

    return layers


@pytest.fixture(scope="module")
def oracle(oracle_between):
    """A function of piece ids: all representations by the equations."""
    return lambda ids: oracle_between(ids)[:, 1:-1]


def rows_of(level, processor):
    """Return the piece ids of the text at a level, and the pieces of each of its rows."""
    if level == "words":
        cut = [processor.encode(word) for word in READ_AS]
        ends = np.cumsum([len(word) for word in cut])
        rows = [list(range(end - len(word), end)) for word, end in zip(cut, ends, strict=True)]
        return [piece for word in cut for piece in word], rows
    found = processor.encode(TEXT, return_type="offset_mapping")
    everything = range(len(found["ids"]))
    spans = {"chars": [(p, p + 1) for p in range(len(TEXT))], "spans": SPANS}
    if level in spans:
        return found["ids"], [touching(found["offsets"], *span) for span in spans[level]]
    return found["ids"], [list(everything)] if level == "text" else [[p] for p in everything]


ASK = {
    "pieces": lambda encoder: encoder.pieces(TEXT),
    "chars": lambda encoder: encoder.chars(TEXT),
    "spans": lambda encoder: encoder.spans(TEXT, SPANS),
    "words": lambda encoder: encoder.words(WORDS),
    "text": lambda encoder: encoder.text(TEXT),
}
POOL = {
    "mean": lambda vectors: vectors.mean(axis=-2),
    "max": lambda vectors: vectors.max(axis=-2),
    "first": lambda vectors: vectors[..., 0, :],
    "last": lambda vectors: vectors[..., -1, :],
}


def pooled_by_hand(vectors, rows, pooling):
    zero = np.zeros((*vectors.shape[:-2], vectors.shape[-1]))
    return np.stack([POOL[pooling](vectors[..., row, :]) if row else zero for row in rows], axis=-2)


# The vectors are those of the equations.


@pytest.mark.parametrize("pooling", POOL)
@pytest.mark.parametrize("level", ASK)
def test_a_mixed_vector_of_each_level_equals_the_equations(
    encoder, processor, oracle, level, pooling
):
    ids, rows = rows_of(level, processor)
    mixed = np.tensordot(DEFAULT_WEIGHTS, oracle(ids), axes=1)
    found = encoder.embed([ASK[level](encoder)], [Readout(encoder.mix("default"), pooling)])[0]
    np.testing.assert_allclose(found, pooled_by_hand(mixed, rows, pooling), **TO_THE_ORACLE)


@pytest.mark.parametrize("level", ASK)
def test_the_layers_of_each_level_equal_the_equations(encoder, processor, oracle, level):
    ids, rows = rows_of(level, processor)
    found = encoder.embed([ASK[level](encoder)], [LAYERS])[0]
    np.testing.assert_allclose(found, pooled_by_hand(oracle(ids), rows, "mean"), **TO_THE_ORACLE)


@pytest.mark.parametrize("level", sorted(set(ASK) - {"text"}))
def test_the_context_of_each_level_equals_the_equations(
    encoder, artifact, processor, oracle_between, level
):
    ids, rows = rows_of(level, processor)
    ranges = [(row[0], row[-1] + 1) if row else (0, 0) for row in rows]
    embedding = artifact.model.embedding.weight.numpy()
    rests = ASK[level](encoder).rests
    assert (rests is not None) == (level in ("chars", "spans"))
    rests = rests and [embedding[list(rest)] for rest in rests]
    expected = contexts(artifact.heads.state_dict(), oracle_between(ids), ranges, rests)
    expected[[not row for row in rows]] = 0
    found = encoder.embed([ASK[level](encoder)], [Readout(("context",))])[0]
    np.testing.assert_allclose(found[0], expected, **TO_THE_ORACLE)


def test_the_context_does_not_look_at_its_row(encoder):
    texts = ["我吃了一个苹果。", "我吃了一个病毒。"]
    asked = [encoder.spans(text, [(5, 7)]) for text in texts]
    first, second = encoder.embed(asked, [EVERYTHING] * 2)
    np.testing.assert_array_equal(first[3], second[3])
    assert np.abs(first - second)[:3].max(axis=(1, 2)).min() > 1e-2


@examples(30)
@given(left=piece_ids, inside=some_ids, other=some_ids, right=piece_ids)
def test_nothing_inside_a_row_reaches_its_context(encoder, left, inside, other, right):
    def context(row):
        whole = Passage((*left, *row, *right), ((len(left), len(left) + len(row)),), ((0, 1),))
        return encoder.embed([whole], [Readout(("context",))])[0]

    np.testing.assert_allclose(context(inside), context(other), **REORDERED)


def test_two_parts_of_a_piece_have_contexts_of_their_own(encoder):
    assert encoder.pieces("我吃苹果").offsets[-1] == (2, 4)
    halves = encoder.embed([encoder.spans("我吃苹果", [(2, 3), (3, 4)])], [EVERYTHING])[0]
    np.testing.assert_array_equal(halves[:3, 0], halves[:3, 1])
    assert np.abs(halves[3, 0] - halves[3, 1]).max() > 1e-2


def test_a_row_of_whole_pieces_has_its_context_beside_any_other_row(encoder):
    alone, beside = (
        encoder.embed([encoder.spans("我吃苹果", spans)], [EVERYTHING])[0]
        for spans in ([(2, 4)], [(2, 4), (2, 3), (0, 1)])
    )
    np.testing.assert_array_equal(alone[:, 0], beside[:, 0])


def test_context_and_layers_come_in_the_order_asked(encoder):
    asked = encoder.pieces(TEXT)
    everything = encoder.embed([asked], [EVERYTHING])[0]
    found = encoder.embed([asked], [Readout(("context", 2, "context", 0))])[0]
    np.testing.assert_array_equal(found, everything[[3, 2, 3, 0]])


def test_the_artifacts_own_geometry_is_applied(encoder, artifact, processor, oracle_between):
    ids, _ = rows_of("pieces", processor)
    layers = oracle_between(ids)
    places = [(piece, piece + 1) for piece in range(len(ids))]
    context = contexts(artifact.heads.state_dict(), layers, places)
    expected = centred(artifact.geometry, [*layers[:, 1:-1], context])
    bounds = artifact.geometry.bound[1:, None, None].numpy()
    assert (np.abs(expected[1:]) == bounds).any(axis=(1, 2)).all()  # every layer is clipped
    everything = Readout((0, 1, 2, "context"), center=True)
    found = encoder.embed([encoder.pieces(TEXT)], [everything])[0]
    np.testing.assert_allclose(found, expected, **TO_THE_ORACLE)


@pytest.mark.parametrize("pieces", [62, 63, 126, 127, 300])
def test_a_text_longer_than_one_call_equals_the_equations(encoder, oracle_between, pieces):
    ids = [3 + place for place in range(pieces)]
    found = encoder.represent([ids])[0]
    np.testing.assert_allclose(found, oracle_between(ids), **TO_THE_ORACLE)


def test_each_passage_has_its_own_readout(encoder, processor, oracle):
    ids, _ = rows_of("pieces", processor)
    asked = [encoder.pieces(TEXT), encoder.text(TEXT), encoder.pieces(TEXT)]
    readouts = [Readout((2,)), Readout(ScalarMix((0.0, 0.0, 3.0)), "last"), Readout((1, 0))]
    top, last, two = encoder.embed(asked, readouts)
    np.testing.assert_allclose(top, oracle(ids)[[2]], **TO_THE_ORACLE)
    np.testing.assert_allclose(last, 3 * oracle(ids)[2, -1:], rtol=0, atol=3e-5)  # gamma 3
    np.testing.assert_allclose(two, oracle(ids)[[1, 0]], **TO_THE_ORACLE)


def test_the_same_word_has_another_vector_in_another_context(encoder):
    texts = ["我吃了一个苹果", "我在用苹果手机"]
    asked = [encoder.spans(text, [(at, at + 2)]) for text, at in zip(texts, (5, 3), strict=True)]
    eaten, used = encoder.embed(asked, [LAYERS] * 2)
    moved = np.abs(eaten - used).max(axis=(1, 2))
    assert moved[0] == 0  # the embedding does not depend on context
    assert moved[1:].min() > 1e-2


# A vector depends on the artifact and the text, and on nothing else.

any_text = texts | st.sampled_from([10, 16, 40]).map(lambda times: "我吃了一个苹果。" * times)


@settings(max_examples=15)
@given(st.lists(any_text, min_size=1, max_size=5))
def test_a_text_alone_equals_the_text_in_any_batch(encoder, texts):
    together = encoder.embed([encoder.pieces(text) for text in texts], [EVERYTHING] * len(texts))
    for text, vectors in zip(texts, together, strict=True):
        alone = encoder.embed([encoder.pieces(text)], [EVERYTHING])[0]
        np.testing.assert_allclose(vectors, alone, **REORDERED)


@settings(max_examples=25)
@given(
    lengths=st.lists(st.sampled_from([0, 1, 14, 15, 30, 31, 62, 63, 130]), max_size=9),
    place=st.integers(0, 9),
)
def test_neighbours_of_any_length_never_change_a_text(encoder, lengths, place):
    ids = [30, 31, 32, 33, 34]
    neighbours = [[40 + length] * length for length in lengths]
    batch = [*neighbours[:place], ids, *neighbours[place:]]
    found = encoder.represent(batch)[min(place, len(neighbours))]
    torch.testing.assert_close(found, encoder.represent([ids])[0], **REORDERED)


@settings(max_examples=15)
@given(st.permutations(range(7)))
def test_the_order_of_texts_is_the_order_of_vectors(encoder, order):
    texts = [[30 + number] * (5 * number) for number in range(7)]
    expected = encoder.represent(texts)
    found = encoder.represent([texts[number] for number in order])
    for vectors, number in zip(found, order, strict=True):
        torch.testing.assert_close(vectors, expected[number], **REORDERED)


@pytest.fixture
def cores(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("cores", "said", "expected"),
    [(1, None, False), (2, None, True), (1, True, True), (2, False, False)],
    indirect=["cores"],
)
@pytest.mark.usefixtures("cores")
def test_directions_are_read_at_once_where_there_are_cores_or_as_is_said(
    encoder, monkeypatch, said, expected
):
    observed = Mock(wraps=side_by_side)
    monkeypatch.setattr("biLM.reading.reader.side_by_side", observed)
    passage = encoder.pieces("我吃了一个苹果")
    (found,) = Encoder(encoder.artifact, both_at_once=said).embed([passage], [EVERYTHING])
    assert observed.called == expected
    other = Encoder(encoder.artifact, both_at_once=not expected).embed([passage], [EVERYTHING])
    np.testing.assert_array_equal(found, other[0])


@pytest.mark.parametrize("cores", [4], indirect=True)
@pytest.mark.usefixtures("cores")
def test_a_caller_keeps_its_cores_and_lends_all_of_them(encoder, monkeypatch):
    seen = []

    class Asked(VectorsFor):
        def answering(self, framed, artifact):
            seen.append(torch.get_num_threads())
            if len(seen) == 2:
                raise ValueError("a fault")
            return super().answering(framed, artifact)

    observed = Mock(wraps=side_by_side)
    monkeypatch.setattr("biLM.reading.reader.side_by_side", observed)
    question = Asked(encoder.pieces("我吃了一个苹果"), EVERYTHING)
    encoder = Encoder(encoder.artifact)
    encoder.answer([question])
    assert torch.get_num_threads() == 4
    with pytest.raises(ValueError, match="a fault"):
        encoder.answer([question])
    assert torch.get_num_threads() == 4
    assert seen == [1, 1]
    assert observed.call_args.args[2] == 4


@pytest.mark.parametrize("copies", [2, 5, 17, 70])
def test_a_repeated_text_has_the_same_vectors_each_time(encoder, copies):
    ids = [30, 31, 32, 33, 34]
    alone = encoder.represent([ids])[0]
    for found in encoder.represent([ids] * copies):
        torch.testing.assert_close(found, alone, **REORDERED)


@settings(max_examples=20)
@given(text=texts.filter(bool), data=st.data())
def test_a_context_does_not_depend_on_how_many_are_asked_for(encoder, text, data):
    context = Readout(("context",))
    every = encoder.embed([encoder.chars(text)], [context])[0][0]
    place = data.draw(st.integers(0, len(text) - 1))
    alone = encoder.embed([encoder.spans(text, [(place, place + 1)])], [context])[0][0]
    np.testing.assert_array_equal(alone[0], every[place])


def test_contexts_of_a_long_text_equal_the_equations(encoder, artifact, oracle_between):
    passage = encoder.pieces("病毒和菜单" * 30)
    rows = [(place, place + 1) for place in range(len(passage.ids))]
    assert len(rows) > 2 * BLOCK_PLACES
    expected = contexts(artifact.heads.state_dict(), oracle_between(passage.ids), rows)
    found = encoder.embed([passage], [Readout(("context",))])[0][0]
    np.testing.assert_allclose(found, expected, **TO_THE_ORACLE)


def test_a_call_never_changes_the_next_one(encoder):
    before = encoder.embed([encoder.pieces(TEXT)], [LAYERS])[0]
    encoder.embed([encoder.pieces("病毒" * 100)], [Readout((0, 1, 2), "max", True, True)])
    np.testing.assert_array_equal(encoder.embed([encoder.pieces(TEXT)], [LAYERS])[0], before)


def test_vectors_may_be_changed_without_changing_the_artifact(encoder, artifact):
    vectors = encoder.embed([encoder.pieces(TEXT)], [Readout((0,))])[0]
    vectors += 1
    assert torch.equal(encoder.artifact.model.embedding.weight, artifact.model.embedding.weight)


# Empty texts have vectors of the right shape, and every value is finite.


@pytest.mark.parametrize(
    ("level", "argument", "shape"),
    [
        ("pieces", "", (0, 24)),
        ("chars", "", (0, 24)),
        ("words", [], (0, 24)),
        ("text", "", (1, 24)),
        ("words", [""], (1, 24)),
        ("chars", "\x07", (1, 24)),
    ],
)
@pytest.mark.parametrize("pooling", POOL)
def test_a_text_without_pieces_has_zero_vectors(encoder, level, argument, shape, pooling):
    readout = Readout(encoder.mix("default"), pooling, center=True, normalize=True)
    vectors = encoder.embed([getattr(encoder, level)(argument)], [readout])[0]
    np.testing.assert_array_equal(vectors, np.zeros(shape, "f4"), strict=True)


def test_a_text_without_pieces_keeps_its_layer_axis(encoder):
    assert encoder.embed([encoder.pieces("")], [EVERYTHING])[0].shape == (4, 0, 24)


def test_a_passage_with_several_readouts_is_read_once(encoder, monkeypatch):
    passage, other = encoder.pieces(TEXT), encoder.text("病毒")
    readouts = [Readout(encoder.mix("default")), Readout(encoder.mix("top")), EVERYTHING]
    expected = [encoder.embed([passage], [readout])[0] for readout in readouts]
    read, real = [], Encoder._read

    def observed(encoder, texts):
        read.extend(texts)
        return real(encoder, texts)

    monkeypatch.setattr(Encoder, "_read", observed)
    asked = [passage, other, passage, passage]
    found = encoder.embed(asked, [readouts[0], LAYERS, *readouts[1:]])
    assert read == [passage.ids, other.ids]
    for vectors, wanted in zip([found[0], *found[2:]], expected, strict=True):
        np.testing.assert_array_equal(vectors, wanted)


def test_no_passages_give_no_vectors(encoder):
    assert encoder.embed([], []) == []


@examples(40)
@given(
    text=texts,
    level=st.sampled_from(["pieces", "chars", "text"]),
    source=st.sampled_from([ScalarMix(DEFAULT_WEIGHTS), (0, 1, 2), ("context", 1)]),
    pooling=st.sampled_from(sorted(POOL)),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_every_number_of_every_text_is_finite(encoder, text, level, source, pooling, flags):
    passage = getattr(encoder, level)(text)
    assert np.isfinite(encoder.embed([passage], [Readout(source, pooling, *flags)])[0]).all()


@pytest.mark.parametrize("source", [ScalarMix(DEFAULT_WEIGHTS), (0, 2)], ids=["mix", "layers"])
@pytest.mark.parametrize("level", ASK)
def test_there_is_a_float32_vector_for_each_row(encoder, level, source):
    passage = ASK[level](encoder)
    vectors = encoder.embed([passage], [Readout(source)])[0]
    layers = Readout(source).layer_axis
    leading = () if layers is None else (layers,)
    assert vectors.shape == (*leading, passage.num_rows, 24)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous


# Results share no memory with a batch or with each other.


def test_what_is_kept_of_a_text_holds_no_memory_of_its_batch(encoder):
    for found in encoder.represent([[30], [31, 32], [33] * 100]):
        assert found.untyped_storage().nbytes() == found.numel() * found.element_size()


@pytest.mark.parametrize("source", [ScalarMix(DEFAULT_WEIGHTS), (0, 1, 2)], ids=["mix", "layers"])
def test_the_vectors_of_two_texts_share_no_memory(encoder, source):
    asked = [encoder.pieces(TEXT), encoder.pieces(TEXT)]
    first, second = encoder.embed(asked, [Readout(source)] * 2)
    assert not np.shares_memory(first, second)


# What does not fit the model is refused.


def test_an_unknown_mix_is_refused_with_the_names_there_are(encoder):
    with pytest.raises(MixError, match=r"'nope'.*\['default', 'top'\]"):
        encoder.mix("nope")


def test_a_mix_of_another_depth_is_refused(encoder):
    with pytest.raises(MixError, match="2 weights"):
        encoder.embed([encoder.text(TEXT)], [Readout(ScalarMix((0.5, 0.5)))])


def test_an_unknown_layer_is_refused(encoder):
    with pytest.raises(LayerError, match="layer 3"):
        encoder.embed([encoder.text(TEXT)], [Readout((3,))])


def test_a_vocabulary_larger_than_the_embedding_is_refused_when_loaded(artifact):
    with pytest.raises(ArtifactError, match=r"pieces\.model"):
        Encoder(replace(artifact, config=replace(artifact.config, num_pieces=100)))


def record_shapes(encoder, monkeypatch):
    """Return a set that collects the (time, batch) of every LSTM call from now on."""
    shapes, call = set(), ReadingLayer.__call__

    def recorded(layer, x, state):
        shapes.add(tuple(x.shape[:2]))
        return call(layer, x, state)

    monkeypatch.setattr(ReadingLayer, "__call__", recorded)
    return shapes


@pytest.fixture
def many_heights(monkeypatch):
    """Make fewer rows count as faster, whatever this machine does with so small a model."""
    monkeypatch.setattr("biLM.proof.CLEARLY", 0.0)


@pytest.mark.parametrize(("per_row", "expected"), [(1.0, HEIGHTS), (0.01, FEW_HEIGHTS)])
def test_many_heights_are_used_where_fewer_rows_are_faster(
    artifact, monkeypatch, per_row, expected
):
    """The clock advances by one for each call, and by per_row for each of its rows."""
    now, tried, call = [0.0], set(), ReadingLayer.__call__

    def timed(layer, x, state):
        tried.add(x.shape[1])
        now[0] += 1 + per_row * x.shape[1]
        return call(layer, x, state)

    monkeypatch.setattr(ReadingLayer, "__call__", timed)
    monkeypatch.setattr("biLM.proof.perf_counter", lambda: now[0])
    used = Encoder(artifact, both_at_once=False).warm_up()
    assert tried == set(expected)
    assert set(used) == tried & set(AGREEING_HEIGHTS)


@pytest.mark.usefixtures("many_heights")
def test_warming_up_meets_every_shape(artifact, monkeypatch):
    encoder = Encoder(artifact)
    met = record_shapes(encoder, monkeypatch)
    encoder.warm_up()
    assert met == {(width, height) for height, width in SHAPES}
    met.clear()
    for number in (1, 2, 3, 9, 17, 33, 70, 200):
        encoder.represent([[30] * (7 * text % 90) for text in range(number)])
        encoder.represent([[30] * 700] * number)
    assert met <= {(width, height) for height, width in SHAPES}
    assert len(met) > len(SHAPES) / 2


def test_before_warming_up_every_call_has_the_sure_shape(artifact, monkeypatch):
    encoder = Encoder(artifact)
    met = record_shapes(encoder, monkeypatch)
    encoder.represent([[30] * (7 * text) for text in range(40)])
    assert met == {(8, 16)}


@pytest.mark.usefixtures("many_heights")
@pytest.mark.parametrize("row", [0, 3, 20, 31])
def test_a_shape_that_sums_in_another_order_is_not_used(artifact, monkeypatch, row):
    encoder, call = Encoder(artifact), ReadingLayer.__call__

    def rounded(layer, x, state):
        output, state = call(layer, x, state)
        if output.shape[:2] == (16, 32):  # another rounding in one place of one row
            output[3, row, 5] = torch.nextafter(output[3, row, 5], torch.tensor(9.0))
        return output, state

    used = encoder.warm_up()
    with monkeypatch.context() as patch:
        met = record_shapes(encoder, patch)
        encoder.represent([[30] * 30] * 32)
        assert met == {(16, 32)}
    monkeypatch.setattr(ReadingLayer, "__call__", rounded)
    assert encoder.warm_up() == used  # other widths still allow these heights
    met = record_shapes(encoder, monkeypatch)
    encoder.represent([[30] * 30] * 32)
    assert met == {(8, 32)}


def test_warming_up_changes_no_vector(encoder):
    before = encoder.embed([encoder.pieces(TEXT)], [LAYERS])[0]
    encoder.warm_up()
    np.testing.assert_array_equal(encoder.embed([encoder.pieces(TEXT)], [LAYERS])[0], before)


@pytest.fixture(scope="module")
def rounding(artifact):
    """The tiny artifact in bfloat16."""
    return Encoder(artifact, "bfloat16")


@needs_bfloat16
@examples(30)
@given(texts)
def test_bfloat16_gives_what_float32_gives_but_for_its_rounding(encoder, rounding, text):
    asked, readout = [encoder.pieces(text)], [Readout((0, 1, 2))]
    exact, rounded = (one.embed(asked, readout)[0] for one in (encoder, rounding))
    np.testing.assert_array_equal(rounded[0], exact[0])
    # bfloat16 keeps 8 bits of a value up to 1. Over a text, the errors of one value may add up; the
    # mean error may not.
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=0.1)
    if exact.size:
        assert np.abs(rounded - exact).mean() < 5e-3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_callers_autocast_changes_no_bit(encoder, dtype):
    passage = encoder.words(WORDS)
    vectors, written = encoder.embed([passage], [EVERYTHING])[0], encoder.complete("我吃")
    with torch.autocast("cpu", dtype=dtype):
        np.testing.assert_array_equal(encoder.embed([passage], [EVERYTHING])[0], vectors)
        assert encoder.complete("我吃") == written
