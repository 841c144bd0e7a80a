import json
import math
from dataclasses import replace

import numpy as np
import pytest

from biLM.network.scalar_mix import ScalarMix
from tests.reference.geometry import centred
from tests.reference.heads import contexts
from tests.reference.lstm import representations
from training.errors import CorpusError
from training.result.intervals import Bootstrap, auc, interval, weighted_auc
from training.result.senses import (
    SensePair,
    best_threshold,
    differences,
    read_folder,
    read_pairs,
    score_senses,
    scores,
)
from training.result.senses import representations as representations_of

APPLE = ("我吃了一个苹果，味道很甜。", 5, 7)
PHONE = ("我在用苹果手机打电话给家里人。", 3, 5)
VIRUS = ("电脑中了病毒，窗口和菜单都打不开了！", 4, 6)
ILLNESS = ("他感染了病毒，医生让他在家休息。", 4, 6)


def pairs_of(tags, lemmas=None):
    """Return pairs with these tags, whose sentences no test reads."""
    lemmas = lemmas or [str(number) for number in range(len(tags))]
    return [
        SensePair(APPLE, PHONE, tag == "T", lemma) for tag, lemma in zip(tags, lemmas, strict=True)
    ]


def test_auc_halves_and_accuracy_worked_by_hand():
    """Eight lemmas: the threshold of every other one judges those between.

    First half: T .9, T .5, F .6, F .2. Of 2 x 2 comparisons 3 are in the right order. Second half:
    T .7, F .55, F .1, T .8, all in order.
    Even lemmas have T .9, F .6, T .7, F .1: their best threshold is .7, which has F .2, F .55 and
    T .8 of the odd ones right. These have T .5, F .2, F .55, T .8: the least threshold with three
    right is .5, which has T .9, T .7 and F .1 of the even ones right. So 6 of 8 are right.
    """
    cosine = np.array([0.9, 0.5, 0.6, 0.2, 0.7, 0.55, 0.1, 0.8])
    score = scores({"layer": cosine}, pairs_of("TTFFTFFT"))["layer"]
    assert score.halves == (pytest.approx(3 / 4), 1.0)
    assert score.accuracy == pytest.approx(6 / 8)
    # Of the 4 x 4 comparisons of T .9 .8 .7 .5 with F .6 .55 .2 .1, .5 loses two.
    assert score.auc == pytest.approx(14 / 16)


def test_a_half_with_one_tag_has_no_area():
    score = scores({"layer": np.array([0.1, 0.2, 0.3, 0.4])}, pairs_of("TTFT"))["layer"]
    assert score.halves == (None, 1.0)


def test_a_threshold_is_chosen_on_other_lemmas():
    """All of lemma a is far above all of b; each is in order by itself, and judged by the other.

    a has T .9 and F .8, b has T .2 and F .1. By .2, T .9 is right and F .8 wrong; by .9, F .1 is
    right and T .2 wrong. By their own thresholds all would be right.
    """
    pairs = pairs_of("TFTF", ["a", "a", "b", "b"])
    assert scores({"layer": np.array([0.9, 0.8, 0.2, 0.1])}, pairs)["layer"].accuracy == 2 / 4


def test_a_threshold_may_call_all_different():
    assert best_threshold(np.array([0.1, 0.2]), np.array([False, False])) == math.inf


def test_weights_count_a_pair_as_often_and_equal_cosines_half():
    cosine, same = np.array([0.5, 0.5, 0.1]), np.array([True, False, False])
    assert auc(cosine, same) == pytest.approx((0.5 + 1) / 2)
    found = weighted_auc(cosine, same, np.array([[1.0, 3.0, 1.0], [1.0, 0.0, 0.0]]))
    assert found[0] == pytest.approx((3 * 0.5 + 1) / 4)
    assert math.isnan(found[1])  # no pair of different senses was drawn


def test_a_bootstrap_draws_lemmas_and_not_pairs():
    """Lemma a has an area of 1 and lemma b of 0: a draw has one, the other, or both (1/2).

    Two draws of two lemmas: both a in a quarter, both b in a quarter, one each in a half. With one
    each the four comparisons are those within a (right), within b (wrong), T of a with F of b
    (.9 > .8) and T of b with F of a (.2 > .1): three of four.
    """
    cosine, same = np.array([0.9, 0.1, 0.2, 0.8]), np.array([True, False, True, False])
    draws = Bootstrap(["a", "a", "b", "b"], same, 4_000).auc(cosine)
    shares = {value: float((draws == value).mean()) for value in (0.0, 0.75, 1.0)}
    assert shares == pytest.approx({0.0: 0.25, 0.75: 0.5, 1.0: 0.25}, abs=0.03)
    assert interval(draws) == (0.0, 1.0)


def test_the_interval_leaves_out_a_fortieth_at_each_end_and_what_has_no_value():
    draws = np.append(np.arange(41.0), math.nan)
    assert interval(draws) == (pytest.approx(1.0), pytest.approx(39.0))


def test_two_equal_models_differ_by_nothing_and_a_difference_is_paired():
    """Two cosines in the same order have no difference in any draw, however wide their intervals.

    The other two disagree in lemma b alone: right there, or wrong.
    """
    pairs = pairs_of("TFTF", ["a", "a", "b", "b"])
    cosine = np.array([0.9, 0.1, 0.2, 0.8])
    found = differences({"layer": cosine}, {"layer": cosine**3, "other": cosine}, pairs)
    assert list(found) == ["layer"]
    assert (found["layer"].auc, found["layer"].interval) == (0.0, (0.0, 0.0))
    better = differences({"layer": np.array([0.9, 0.1, 0.8, 0.2])}, {"layer": cosine}, pairs)
    assert better["layer"].auc == pytest.approx(1 - 3 / 4)
    assert better["layer"].interval == (0.0, 1.0)  # both draws a, or both b


def test_scores_are_those_of_the_cosines_of_the_oracle(encoder):
    pairs = [
        SensePair(APPLE, APPLE, True),
        SensePair(APPLE, PHONE, False),
        SensePair(VIRUS, ILLNESS, False),
        SensePair(PHONE, APPLE, True),
        SensePair(ILLNESS, ILLNESS, True),
    ]
    found = score_senses(encoder, pairs, {"top": ScalarMix((0.0, 0.0, 1.0))})
    same = [pair.same_sense for pair in pairs]
    vectors = [[everything(encoder, *one) for one in (pair.first, pair.second)] for pair in pairs]
    groups = {"layer 1": [1], "layer 2": [2], "layers 1 and 2": [1, 2]}
    groups |= {"context": [3], "context and layer 2": [3, 2]}
    for name, chosen in groups.items():
        for is_centred in (False, True):
            cosines = [side_by_side(*(v[is_centred][chosen] for v in both)) for both in vectors]
            score = found[f"{name}, centred" if is_centred else name]
            assert score.auc == pytest.approx(auc_of(cosines, same)), name
    assert found["mix top"] == found["layer 2"]


def test_vectors_side_by_side_are_brought_to_one_length():
    """Layers (9, 0), (3, 4), (0, 0.2) and the context (60, 80) of one word."""
    vectors = np.array([[[9.0, 0.0]], [[3.0, 4.0]], [[0.0, 0.2]], [[60.0, 80.0]]], np.float32)
    found = {name: rows[0] for name, rows in representations_of(vectors, {})}
    assert found["layer 1"].tolist() == [3, 4]
    assert found["context"].tolist() == [60, 80]
    assert found["layers 1 and 2"] == pytest.approx([0.6, 0.8, 0, 1])
    assert found["context and layer 2"] == pytest.approx([0.6, 0.8, 0, 1])


def everything(encoder, text, start, end):
    """[depth + 1, dim]: the oracle's layers of a word, and its context; raw, and centred."""
    asked = encoder.pieces(text)
    inside = [i for i, (b, e) in enumerate(asked.offsets) if b < end and e > start]
    layers = representations(encoder.artifact.model.state_dict(), [1, *asked.ids, 2])
    row = (inside[0], inside[-1] + 1)
    context = contexts(encoder.artifact.heads.state_dict(), layers, [row])
    pieces = layers[:, 1:-1][:, inside]
    raw = np.concatenate([pieces.mean(axis=1), context])
    geometry = encoder.artifact.geometry
    of_context = centred(geometry, [*layers[:, 1:2], context])[-1]
    return raw, np.concatenate([centred(geometry, pieces).mean(axis=1), of_context])


def cosine(one, other):
    return round(one @ other / np.linalg.norm(one) / np.linalg.norm(other), 5)


def side_by_side(one, other):
    """Return the mean of the cosines, which is that of vectors of one length side by side."""
    return round(np.mean([cosine(*both) for both in zip(one, other, strict=True)]), 5)


def auc_of(cosines, same):
    """Share of comparisons of a same pair with a different one that come out right."""
    ordered = [
        (a > b) + 0.5 * (a == b)
        for a, is_same in zip(cosines, same, strict=True)
        for b, other in zip(cosines, same, strict=True)
        if is_same and not other
    ]
    return np.mean(ordered)


def test_pairs_are_read_with_their_spans(tmp_path):
    row = {"sentence1": "吃苹果", "start1": 1, "end1": 3, "tag": "T"}
    row |= {"sentence2": "苹果手机", "start2": 0, "end2": 2}
    (tmp_path / "dev.jsonl").write_text(json.dumps(row) + "\n")
    expected = SensePair(("吃苹果", 1, 3), ("苹果手机", 0, 2), True)
    assert read_pairs(tmp_path / "dev.jsonl") == [expected]
    assert expected.group == "苹果"
    (tmp_path / "dev.jsonl").write_text(json.dumps(row | {"lemma": "苹"}) + "\n")
    assert read_pairs(tmp_path / "dev.jsonl")[0].group == "苹"


def test_a_line_separator_inside_a_sentence_does_not_end_its_pair(tmp_path):
    row = {"sentence1": "吃\u2028苹果", "start1": 2, "end1": 4, "tag": "T"}
    row |= {"sentence2": "苹果\x85手机", "start2": 0, "end2": 2}
    (tmp_path / "dev.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n")
    assert read_pairs(tmp_path / "dev.jsonl")[0].second == ("苹果\x85手机", 0, 2)


def test_pairs_with_one_tag_are_refused_by_file(tmp_path):
    row = {"sentence1": "吃苹果", "start1": 1, "end1": 3, "tag": "T"}
    row |= {"sentence2": "苹果手机", "start2": 0, "end2": 2}
    (tmp_path / "dev.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(CorpusError, match=r"dev\.jsonl has 1 pairs with 1 different tags"):
        read_folder(tmp_path)


@pytest.mark.parametrize("line", ["not JSON", '{"sentence1": "x"}', "[]"])
def test_a_line_that_is_no_pair_is_refused_by_file_and_line(tmp_path, line):
    (tmp_path / "dev.jsonl").write_text(line + "\n")
    with pytest.raises(CorpusError, match=r"dev\.jsonl, line 1"):
        read_pairs(tmp_path / "dev.jsonl")


def test_the_bag_of_characters_leaves_the_word_itself_out(encoder):
    """Around 苹果 the first pair shares every character and the second none."""
    pairs = [
        SensePair(("吃苹果了", 1, 3), ("了苹果吃", 1, 3), True),
        SensePair(("吃苹果了", 1, 3), ("用苹果机", 1, 3), False),
    ]
    assert score_senses(encoder, pairs, {})["bag of characters"].auc == 1.0
    swapped = [replace(pair, same_sense=not pair.same_sense) for pair in pairs]
    assert score_senses(encoder, swapped, {})["bag of characters"].auc == 0.0
