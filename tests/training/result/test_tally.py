import math

import pytest

from training.result.languages import Cell, count_letters, language_of
from training.result.tally import tables_of
from training.run.metrics import LanguageModelScore


def part(bits, characters):
    """Return a part of a table: each head needs so many bits, in one prediction a character."""
    score = LanguageModelScore(bits * math.log(2), characters, 1, 2)
    return (score,) * 3, characters


def forward_bits(table):
    return {name: row["forward_bits_per_character"] for name, row in table.items()}


def test_chinese_is_not_mixed_with_other_languages():
    """40 bits for 10 characters and 60 for 20 are 100/30; English has 30 for 20: 130/50."""
    found = tables_of(
        {
            Cell("news", "Chinese"): part(40, 10),
            Cell("novels", "other languages"): part(30, 20),
            Cell("reviews", "Chinese"): part(60, 20),
        }
    )
    assert forward_bits(found["held_out"]) == {"all": 2.6, "news": 4, "novels": 1.5, "reviews": 3}
    assert forward_bits(found["languages"]) == {
        "Chinese": pytest.approx(100 / 30, abs=1e-4),
        "other languages": 1.5,
    }


def test_a_group_of_both_languages_is_one_row_and_counts_in_both():
    found = tables_of(
        {
            Cell("other, 9 sources", "Chinese"): part(40, 10),
            Cell("other, 9 sources", "other languages"): part(20, 20),
        }
    )
    assert forward_bits(found["held_out"]) == {"all": 2, "other, 9 sources": 2}
    assert forward_bits(found["languages"]) == {"Chinese": 4, "other languages": 1}


def test_many_chinese_sources_also_stand_without_the_three_largest():
    """Six sources have no such row; of seven those with 50, 60 and 70 characters are left out."""
    parts = {
        Cell(f"s{n}", "Chinese"): part(n * 20 if n > 4 else n * 40, n * 10) for n in range(1, 8)
    }
    found = forward_bits(tables_of(parts)["languages"])
    assert found["Chinese, without its 3 largest sources"] == 4
    assert found["Chinese"] == pytest.approx((400 + 360) / 280, abs=1e-4)
    parts.pop(Cell("s7", "Chinese"))
    assert list(tables_of(parts)["languages"]) == ["Chinese"]


@pytest.mark.parametrize(
    ("text", "letters", "language"),
    [
        ("我用 iPhone 打电话。", (5, 11), "other languages"),
        ("我在用苹果手机打电话 iPhone", (10, 16), "Chinese"),
        ("123，。", (0, 0), "other languages"),
    ],
)
def test_a_text_is_chinese_if_most_of_its_letters_are(text, letters, language):
    assert count_letters(text) == letters
    assert language_of(*letters) == language
