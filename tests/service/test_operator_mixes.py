"""Mixes that the operator adds to those of the artifact."""

import json

import numpy as np
import pytest

from biLM.errors import MixError
from tests.service.serving import embed, embed_one, refused, serving, settings_of

pytestmark = pytest.mark.anyio
ATE = "我吃了一个苹果"


@pytest.fixture
def mixes(tmp_path):
    path = tmp_path / "mixes.json"
    path.write_text(json.dumps({"reviews": {"weights": [0, 0.5, 2], "gamma": 3}}))
    return path


async def test_a_mix_of_the_operator_is_served_by_its_name(artifact_folder, mixes, client):
    layers = await embed_one(client, ATE, layers="all")
    async with serving(settings_of(artifact_folder, mixes=mixes)) as more:
        answer = await embed(more, texts=ATE, mix="reviews")
        assert answer["mix"] == {"name": "reviews", "weights": [0, 0.5, 2], "gamma": 3}
        found = await embed_one(more, ATE, mix="reviews")
        listed = (await more.get("/info")).json()
    np.testing.assert_allclose(found, 1.5 * layers[1] + 6 * layers[2], rtol=0, atol=1e-5)
    assert listed["mixes"].keys() == {"default", "top", "reviews"}
    assert listed["limits"]["mixes"] == str(mixes)


async def test_without_the_file_the_name_is_unknown(client):
    await refused(client, 422, "unknown_mix", texts=ATE, mix="reviews")


async def test_a_mix_that_does_not_fit_keeps_the_service_from_starting(artifact_folder, mixes):
    mixes.write_text('{"reviews": {"weights": [1, 0]}}')
    with pytest.raises(MixError, match="2 weights; this model has 3"):
        async with serving(settings_of(artifact_folder, mixes=mixes)):
            pass


def test_an_empty_name_is_no_file(artifact_folder):
    assert settings_of(artifact_folder, mixes="").mixes is None
