"""Whatever may be written is text, as Python's own decoder confirms for random choices."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biLM.questions.allowed_pieces import Spelling, missing_bytes
from tests.reference.normaliser import is_dropped

EOS = 2


@pytest.fixture(scope="module")
def spelling(tokenizer):
    return Spelling(tokenizer, EOS)


def is_control(character):
    """Return whether it controls a terminal or ends a line: C0, DEL, C1, U+2028 and U+2029."""
    return ord(character) in {*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029}


def allowed(spelling, ids, room):
    return spelling.may_follow(ids, room).nonzero().flatten().tolist()


@given(st.integers(0, 10**6), st.integers(1, 9), st.booleans())
def test_whatever_is_chosen_the_text_is_whole_characters(spelling, tokenizer, seed, room, rare):
    chance, ids = Random(seed), ()
    while len(ids) < room:
        choice = allowed(spelling, ids, room - len(ids))
        inside = [piece for piece in choice if piece in tokenizer.byte_of]
        piece = chance.choice(inside if rare and inside else choice)
        if piece == EOS:
            break
        ids += (piece,)
    written = b"".join(
        bytes([tokenizer.byte_of[piece]])
        if piece in tokenizer.byte_of
        else tokenizer.piece(piece).replace("▁", " ").encode()
        for piece in ids
    )
    assert tokenizer.decode(ids) == written.decode()
    assert not any(map(is_control, written.decode()))
    assert not any(map(is_dropped, written.decode()))


@given(
    st.characters(codec="utf-8") | st.sampled_from("\u00ad\u200b\ufe0f\ufeff"), st.integers(1, 6)
)
def test_a_character_may_be_written_in_bytes_where_there_is_room(
    spelling, processor, character, room
):
    of = {processor.piece_to_id(f"<0x{byte:02X}>"): byte for byte in range(256)}
    ids_of = {byte: piece for piece, byte in of.items()}
    ids = [ids_of[byte] for byte in character.encode()]
    for place, piece in enumerate(ids):
        may = bool(spelling.may_follow(tuple(ids[:place]), room - place)[piece])
        is_whole = place == len(ids) - 1
        is_text = not (is_control(character) or is_dropped(character))
        assert may == (len(ids) <= room and (is_text or not is_whole))
        if not may:
            break


def test_between_characters_there_is_text_or_the_end_and_inside_only_bytes(spelling, processor):
    begun = (processor.piece_to_id("<0xE9>"),)
    text = {
        piece
        for piece in range(len(processor))
        if not (processor.is_control(piece) or processor.is_unknown(piece))
        and not processor.is_byte(piece)
    }
    between = set(allowed(spelling, (), 9))
    assert {piece for piece in between if not processor.is_byte(piece)} == text | {EOS}
    inside = allowed(spelling, begun, 9)
    assert {processor.id_to_piece(piece) for piece in inside} == {
        f"<0x{byte:02X}>" for byte in range(0x80, 0xC0)
    }


@pytest.mark.parametrize(
    ("begun", "missing"),
    [
        (b"a", 0),
        (b"\xc2", 1),
        (b"\xe4\xb8", 1),
        (b"\xf0", 3),
        (b"\xf0\x9f\x8d", 1),
        (b"\x80", None),
        (b"\xc0", None),  # an overlong form, for which there is a shorter one
        (b"\xe0\x80", None),
        (b"\xed\xa0", None),  # half of a surrogate pair
        (b"\xf4\x90", None),  # beyond U+10FFFF
        (b"\xff", None),
        (b"\x1b", None),  # this and the next two are not text
        (b"\xc2\x85", None),
        (b"\xe2\x80\xa8", None),
        (b"\xe2\x80", 1),
    ],
)
def test_a_beginning_lacks_as_many_bytes_as_the_standard_says(begun, missing):
    assert missing_bytes(begun) == missing
