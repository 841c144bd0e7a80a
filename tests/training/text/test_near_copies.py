import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.text import near_copies, shingles
from training.text.near_copies import (
    LEAST_LETTERS,
    WINDOW,
    NearCopies,
    _Filter,
    _fingerprints,
)
from training.text.shingles import SHINGLE

LETTERS = [chr(code) for code in range(0x4E00, 0x4E00 + 2000)]


def article(seed, length=400):
    chance = random.Random(seed)
    return "".join(chance.choices(LETTERS, k=length))


def changed(text, places):
    """Replace the characters at some places by ones that no article has."""
    letters = list(text)
    for place in places:
        letters[place] = "龥"
    return "".join(letters)


def flags(texts, size=10**6):
    return list(NearCopies(size).flags(texts))


def test_a_text_with_few_changes_is_a_near_copy_and_another_text_is_none():
    first = article(1)
    texts = [first, article(2), changed(first, [50, 200, 350]), article(3)]
    assert flags(texts) == [False, False, True, False]


def test_a_text_that_is_changed_all_over_is_no_near_copy():
    first = article(1)
    assert flags([first, changed(first, range(0, 400, 30))]) == [False, False]


def test_an_exact_copy_is_left_to_those_who_drop_copies():
    first = article(1)
    assert flags([first, first, first + "！"]) == [False, False, True]


def test_every_copy_of_a_near_copy_is_a_near_copy(monkeypatch):
    first = article(1)
    near = changed(first, [200])
    assert flags([first, near, near, first, near]) == [False, True, True, False, True]
    monkeypatch.setattr(shingles, "GROUP_CHARACTERS", 1)  # each text is a group
    assert flags([first, near, near, first, near]) == [False, True, True, False, True]


def test_punctuation_blanks_and_case_make_no_difference():
    words = " ".join(f"Word{number}" for number in range(60))
    assert flags([words, words.upper().replace(" ", ", ")]) == [False, True]


def test_a_text_of_parts_of_several_others_is_a_near_copy():
    first, second = article(1), article(2)
    assert flags([first, second, first[:200] + second[200:]]) == [False, False, True]


def test_a_short_text_is_never_a_near_copy():
    first = article(1, LEAST_LETTERS - 1)
    assert flags([first, first + "！"]) == [False, False]
    first = article(1, LEAST_LETTERS)
    assert flags([first, first + "！"]) == [False, True]


def test_texts_of_earlier_groups_count(monkeypatch):
    monkeypatch.setattr(shingles, "GROUP_CHARACTERS", 500)
    texts = [article(seed) for seed in range(10)]
    copies = [changed(text, [10]) for text in texts]
    assert flags([*texts, *copies]) == [False] * 10 + [True] * 10


def test_groups_do_not_change_what_is_found(monkeypatch):
    texts = [article(seed % 40, 60 + seed % 7) for seed in range(80)]
    at_once = flags(texts)
    monkeypatch.setattr(shingles, "GROUP_CHARACTERS", 1)
    assert flags(texts) == at_once


def naive_fingerprints(text):
    """Return the winnowed hashes of a text, window by window, in Python's own numbers."""
    letters = [ord(character) for character in text.lower() if character.isalnum()]
    if len(letters) < LEAST_LETTERS:
        return set()
    hashes = []
    for place in range(len(letters) - SHINGLE + 1):
        value = 0
        for letter in letters[place : place + SHINGLE]:
            value = (value * 0x9E3779B97F4A7C15 + letter) % 2**64
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % 2**64
        hashes.append(value ^ (value >> 31))
    windows = len(hashes) - WINDOW + 1
    return {min(hashes[place : place + WINDOW]) for place in range(windows)}


@given(st.lists(st.text("苹果手机aB。 1", min_size=0, max_size=90), max_size=5))
def test_fingerprints_are_the_least_hashes_of_each_window(texts):
    prints, owners = _fingerprints(texts)
    for number, text in enumerate(texts):
        assert set(prints[owners == number].tolist()) == naive_fingerprints(text)


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_two_texts_that_share_a_run_share_a_fingerprint(seed):
    run = article(seed, SHINGLE + WINDOW - 1)
    texts = [article(seed + 1, 50) + run + article(seed + 2, 31), run + article(seed + 3, 50)]
    prints, owners = _fingerprints(texts)
    assert set(prints[owners == 0].tolist()) & set(prints[owners == 1].tolist())


def test_a_full_filter_forgets_nothing_and_seldom_takes_a_stranger_for_its_own():
    chance = np.random.default_rng(1)
    values = chance.integers(0, 2**63, 6 << 14, np.uint64)
    own = _Filter(1 << 14)
    own.add(values)
    assert own.has(values).all()
    strangers = chance.integers(0, 2**63, 100_000, np.uint64)
    assert own.has(strangers).mean() < 0.03


def test_memory_does_not_grow_with_the_text_and_the_latest_texts_are_remembered(monkeypatch):
    monkeypatch.setattr(shingles, "GROUP_CHARACTERS", 4000)
    monkeypatch.setattr(near_copies, "MOST_WORDS", 1 << 14)
    near = NearCopies(10**9)
    texts = [article(seed, 4000) for seed in range(200)]
    assert not any(near.flags(texts))
    assert near._recent.num_words == near._older.num_words == 1 << 14
    for remembered in (texts[60:80], texts[-20:]):  # in the older filter, and in the newer one
        assert all(near.flags([changed(text, [10]) for text in remembered]))


def test_no_text_has_no_flag():
    assert flags([]) == []
    assert flags(["", "。"]) == [False, False]
