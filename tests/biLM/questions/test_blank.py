import numpy as np
import pytest

from biLM.errors import BlankError, TextError
from biLM.network.heads import SIDES
from tests.reference.heads import expected
from tests.reference.lstm import representations


def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum()


@pytest.mark.parametrize("text", ["我吃了一个____。", "____打电话", "我在用苹果__", "__"])
def test_the_probabilities_of_each_side_are_those_of_the_equations(
    encoder, artifact, processor, text
):
    left, right = (processor.encode(side) for side in text.replace("____", "__").split("__"))
    top = representations(artifact.model.state_dict(), [1, *left, *right, 2])[-1]
    half = artifact.config.cell_size
    vectors = expected(
        artifact.heads.state_dict(), top[len(left), :half], top[len(left) + 1, half:]
    )
    embedding = artifact.model.embedding.weight.double().numpy()
    filler = [
        id_
        for id_ in range(len(processor))
        if not (processor.is_control(id_) or processor.is_unknown(id_) or processor.is_byte(id_))
    ]
    found = encoder.fill(text, top_k=len(filler) + 5)
    assert tuple(found) == SIDES
    for side, z in zip(SIDES, vectors, strict=True):
        logits = embedding @ z + artifact.heads.bias.double().numpy()
        probabilities = dict(zip(filler, softmax(logits[filler]), strict=True))
        assert {e.id: e.probability for e in found[side]} == pytest.approx(probabilities, abs=1e-6)
        assert sum(e.probability for e in found[side]) == pytest.approx(1, abs=1e-5)


def test_the_most_probable_come_first_and_as_many_as_asked(encoder, processor):
    for pieces in encoder.fill("我吃了____", top_k=7).values():
        probabilities = [e.probability for e in pieces]
        assert len(pieces) == 7
        assert probabilities == sorted(probabilities, reverse=True)
        assert [e.piece for e in pieces] == [processor.id_to_piece(e.id) for e in pieces]


def test_one_side_never_looks_at_the_other(encoder):
    two = [encoder.fill(text, top_k=5) for text in ("我吃了____。", "我吃了____打不开了！")]
    assert two[0]["forward"] == two[1]["forward"]
    assert two[0]["backward"] != two[1]["backward"]


@pytest.mark.parametrize(("text", "blanks"), [("我爱你", 0), ("我_爱", 0), ("__和__", 2)])
def test_anything_but_one_blank_is_refused_with_the_number_found(encoder, text, blanks):
    with pytest.raises(BlankError, match=f"has {blanks} blanks; write exactly one"):
        encoder.fill(text)


@pytest.mark.parametrize(
    "blank", ["＿＿", "_＿", "﹍﹎﹏", "︳︴", "_\u200b_", "＿\u00ad\ufe0f＿\u2060＿"]
)
def test_underscores_of_any_width_are_a_blank(encoder, blank):
    text = f"我吃了{blank}。"
    assert encoder.blank(text).offset == (3, 3 + len(blank))
    assert encoder.fill(text, top_k=5) == encoder.fill("我吃了__。", top_k=5)


def test_every_character_that_is_read_as_an_underscore_makes_a_blank(encoder, tokenizer):
    as_one = [chr(c) for c in range(0x80, 0x20000) if not 0xD800 <= c < 0xE000]
    as_one = [character for character in as_one if tokenizer.normalised(character) == "_"]
    assert len(as_one) == 6
    assert all(encoder.blank(f"我{one}{one}").offset == (1, 3) for one in as_one)


def test_two_blanks_with_an_invisible_character_between_are_one(encoder):
    assert encoder.blank("我__\ufeff__").offset == (1, 6)
    with pytest.raises(BlankError, match="has 0 blanks"):
        encoder.blank("我_\u3000_")


def test_a_lone_surrogate_beside_the_blank_is_refused(encoder):
    with pytest.raises(TextError, match="code point 4 is the lone surrogate"):
        encoder.fill("我爱__" + chr(0xD800))
