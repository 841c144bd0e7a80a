import numpy as np
import pytest

from training.result.polysemy import PLOT, SHEET, occurrences, table, unit_vectors, write_sheet

WORD = "苹果"


def test_an_occurrence_is_where_the_word_stands(toy_shards):
    places = occurrences(toy_shards, WORD)
    assert len(places) > 3
    assert all(place.text[place.begin : place.end] == WORD for place in places)
    assert len({(place.text, place.begin) for place in places}) > 1
    assert occurrences(toy_shards, WORD) == places


def test_a_window_shows_no_more_than_five_characters_on_each_side(toy_shards):
    for place in occurrences(toy_shards, WORD):
        left, word, right = place.window().split("**")
        assert word == WORD
        assert place.text[: place.begin].endswith(left)
        assert place.text[place.end :].startswith(right)
        assert max(len(left), len(right)) <= 5


def test_the_nearest_occurrence_is_that_of_the_highest_cosine(encoder, toy_shards):
    places = occurrences(toy_shards, WORD)
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0]], dtype=np.float32)
    lines = table(encoder, places[:4], vectors)[2:]
    nearest = [line.split("|")[4].strip() for line in lines]
    assert nearest == ["3 (0.60)", "3 (0.80)", "2 (0.80)", "2 (0.00)"]


def test_vectors_are_of_unit_length_and_those_of_the_word(encoder, toy_shards):
    places = occurrences(toy_shards, WORD)
    vectors = unit_vectors(encoder, places)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    alone = unit_vectors(encoder, places[2:3])
    assert vectors[2] == pytest.approx(alone[0], abs=1e-6)


def test_the_sheet_has_a_table_for_each_word_and_says_where_there_is_none(
    encoder, toy_shards, tmp_path
):
    write_sheet(encoder, toy_shards, [WORD, "水分", "打"], tmp_path)
    sheet = (tmp_path / SHEET).read_text("utf-8")
    assert "## 1. 苹果" in sheet
    assert "## 2. 水分\n\n0 occurrences" in sheet
    assert sheet.count("**打**") > 3
    assert (tmp_path / PLOT).stat().st_size > 1000
