import json
from dataclasses import replace

import numpy as np
import pytest

from biLM.network.scalar_mix import ScalarMix
from tests.reference.geometry import centred
from tests.reference.heads import contexts
from tests.reference.lstm import representations
from training.errors import CorpusError
from training.result.senses import SensePair, _score, read_pairs, score_senses

APPLE = ("我吃了一个苹果，味道很甜。", 5, 7)
PHONE = ("我在用苹果手机打电话给家里人。", 3, 5)
VIRUS = ("电脑中了病毒，窗口和菜单都打不开了！", 4, 6)
ILLNESS = ("他感染了病毒，医生让他在家休息。", 4, 6)


def test_auc_and_accuracy_worked_by_hand():
    # Of 2 x 3 comparisons of a same pair with a different one, 5 are in the right order; the
    # threshold 0.8 puts 4 of 5 pairs on the right side.
    cosine = np.array([0.9, 0.5, 0.6, 0.2, 0.1])
    same = np.array([True, True, False, False, False])
    score = _score(cosine, same)
    assert score.auc == pytest.approx(5 / 6)
    assert score.accuracy == pytest.approx(4 / 5)


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
            cosines = [cosine(*(v[is_centred][chosen].ravel() for v in both)) for both in vectors]
            score = found[f"{name}, centred" if is_centred else name]
            assert score.auc == pytest.approx(auc_of(cosines, same)), name
    assert found["mix top"] == found["layer 2"]


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


def test_a_line_separator_inside_a_sentence_does_not_end_its_pair(tmp_path):
    row = {"sentence1": "吃\u2028苹果", "start1": 2, "end1": 4, "tag": "T"}
    row |= {"sentence2": "苹果\x85手机", "start2": 0, "end2": 2}
    (tmp_path / "dev.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n")
    assert read_pairs(tmp_path / "dev.jsonl")[0].second == ("苹果\x85手机", 0, 2)


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
