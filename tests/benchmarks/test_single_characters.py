"""Which readings of single characters are sure."""

from collections import Counter
from random import Random

from benchmarks.readings import balanced
from benchmarks.single_characters import CUES, Occurrence, single_occurrences


def test_a_cue_gives_the_reading_and_doubt_gives_none():
    lines = [
        "他明天才还钱。",
        "我还没看完。",
        "他们还一起走。",  # no cue
        "那几只是谁的？",  # 几只 and 只是: two readings
        "院子里有三只猫。",
    ]
    found = single_occurrences(lines)
    shown = {
        character: [(one.line, one.place, one.word, one.reading) for one in occurrences]
        for character, occurrences in found.items()
    }
    assert shown == {
        "还": [(lines[0], 4, "还钱", "huán"), (lines[1], 1, "还没", "hái")],
        "只": [(lines[4], 5, "三只", "zhī")],
    }


def test_a_character_inside_a_word_is_not_asked():
    assert single_occurrences(["我去银行还是回家"]) == {}


def test_every_character_has_two_readings_and_no_cue_of_both():
    for character, readings in CUES.items():
        assert len(readings) >= 2, character
        for side in (0, 1):
            cues = [cue for both in readings.values() for cue in both[side].split()]
            assert len(cues) == len(set(cues)), character


def test_each_reading_of_a_character_is_asked_as_often():
    """Of 还 12 each remain, of 得 10 of two; 只 has too few of one, 行 has one reading alone."""

    def of(reading, number):
        return [Occurrence(f"{place}", 0, "", reading) for place in range(number)]

    found = {"还": of("hái", 30) + of("huán", 12)}
    found |= {"只": of("zhǐ", 30) + of("zhī", 9), "行": of("xíng", 50)}
    found |= {"得": of("de", 99) + of("děi", 10) + of("dé", 9)}
    chosen = [Counter(one.reading for one in some) for some in balanced(found, Random(1))]
    assert chosen == [{"hái": 12, "huán": 12}, {"de": 10, "děi": 10}]
