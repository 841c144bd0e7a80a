import numpy as np
import pytest

import biLM.reader
from biLM.readout import Readout
from service.engine import Engine
from tests.service.serving import settings_of


@pytest.mark.parametrize(
    ("cores", "num_threads", "both_at_once"),
    [(1, 1, False), (2, 1, True), (3, 1, True), (4, 2, True), (9, 4, True)],
)
def test_every_two_cores_read_a_batch_a_direction_each(
    artifact_folder, encoder, monkeypatch, cores, num_threads, both_at_once
):
    calls, side_by_side = [], biLM.reader.side_by_side

    def recorded(*given):
        calls.append(given)
        return side_by_side(*given)

    monkeypatch.setattr(biLM.reader, "side_by_side", recorded)
    engine = Engine.load(settings_of(artifact_folder, threads=cores))
    assert engine.num_threads == num_threads
    calls.clear()
    passage = encoder.pieces("我吃了一个苹果")
    (found,) = engine.run(engine.ask_vectors([passage], Readout((0, 1, 2))))
    assert bool(calls) == both_at_once
    np.testing.assert_allclose(
        found, encoder.embed([passage], [Readout((0, 1, 2))])[0], rtol=0, atol=1e-6
    )
