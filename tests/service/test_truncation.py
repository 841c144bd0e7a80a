"""Texts longer than max_text_pieces, here 4: 我 吃 了 一 | 个 苹果."""

import numpy as np
import pytest

from tests.service.serving import embed, refused, serving, settings_of, vectors_of

pytestmark = pytest.mark.anyio

ATE = "我吃了一个苹果"


@pytest.fixture(scope="module")
async def narrow(artifact_folder):
    async with serving(settings_of(artifact_folder, max_text_pieces=4)) as client:
        yield client


async def test_a_long_text_is_refused_by_its_number(narrow):
    error = await refused(narrow, 422, "text_too_long", texts=["我", ATE])
    assert error["details"] == {
        "index": 1,
        "place": None,
        "limit": 4,
        "actual": 6,
        "setting": "max_text_pieces",
    }


@pytest.mark.parametrize(
    ("side", "left", "pieces", "offsets"),
    [
        ("right", "我吃了一", ["我", "吃", "了", "一"], [[0, 1], [1, 2], [2, 3], [3, 4]]),
        ("left", "了一个苹果", ["了", "一", "个", "苹果"], [[2, 3], [3, 4], [4, 5], [5, 7]]),
    ],
)
async def test_a_cut_text_reads_as_what_is_left_of_it(narrow, side, left, pieces, offsets):
    cut, whole = (await embed(narrow, texts=[ATE, left], truncate=side))["data"]

    assert (cut["truncated"], whole["truncated"]) == (True, False)
    assert (cut["num_pieces"], cut["pieces"], cut["offsets"]) == (4, pieces, offsets)
    np.testing.assert_allclose(vectors_of(cut), vectors_of(whole), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("side", "rows_left"), [("right", [0, 1, 2, 3]), ("left", [2, 3, 4, 5, 6])]
)
async def test_chars_that_were_cut_off_keep_their_rows_as_zeros(narrow, side, rows_left):
    (entry,) = (await embed(narrow, texts=[ATE], level="char", truncate=side))["data"]

    assert entry["offsets"] == [[place, place + 1] for place in range(7)]
    assert np.flatnonzero(vectors_of(entry).any(axis=1)).tolist() == rows_left


@pytest.mark.parametrize(("side", "pieces"), [("right", ["我", "吃"]), ("left", ["吃", "了"])])
async def test_a_text_is_cut_between_two_characters(narrow, side, pieces):
    text = "我吃龘了" if side == "right" else "我龘吃了"  # 龘 has three pieces
    (cut,) = (await embed(narrow, texts=[text], truncate=side))["data"]
    assert (cut["pieces"], cut["truncated"]) == (pieces, True)
    (cut,) = (await embed(narrow, texts=[text], truncate=side, level="char"))["data"]
    assert cut["empty_rows"] == ([2, 3] if side == "right" else [0, 1])
