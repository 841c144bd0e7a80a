import logging
from unittest.mock import Mock

import numpy as np
import pytest

from biLM.questions.readout import Readout
from biLM.reading.side_by_side import side_by_side
from service.engine import Engine
from tests.service.serving import settings_of


@pytest.mark.parametrize(
    ("cores", "num_threads", "both_at_once"),
    [(1, 1, False), (2, 1, True), (3, 1, True), (4, 2, True), (9, 4, True)],
)
def test_every_two_cores_read_a_batch_a_direction_each(
    artifact_folder, encoder, monkeypatch, cores, num_threads, both_at_once
):
    observed = Mock(wraps=side_by_side)
    monkeypatch.setattr("biLM.reading.reader.side_by_side", observed)
    engine = Engine.load(settings_of(artifact_folder, threads=cores))
    assert engine.num_threads == num_threads
    observed.reset_mock()
    passage = encoder.pieces("我吃了一个苹果")
    (found,) = engine.run([engine.encoder.vectors_for(passage, Readout((0, 1, 2)))])
    assert observed.called == both_at_once
    np.testing.assert_allclose(
        found, encoder.embed([passage], [Readout((0, 1, 2))])[0], rtol=0, atol=1e-6
    )


def test_the_log_says_at_start_what_micro_batches_take_at_most(artifact_folder, caplog):
    caplog.set_level(logging.INFO, "service")
    engine = Engine.load(settings_of(artifact_folder, threads=4, max_batch_pieces=1024))
    # In each of two threads 1,024 pieces: three representations of 24 values and two outputs.
    of_pieces = 1024 * (3 * 24 + 2 * 24) * 4
    # Before other shapes are proved, a text of half a micro-batch is read in 16 rows.
    of_strips = (16 * 512 + 16 * 8) * (3 * 24 + 2 * 8) * 4
    assert engine.reading_bytes == 2 * (of_pieces + of_strips)
    (line,) = [one for one in caplog.records if one.getMessage() == "engine measured"]
    assert line.fields["reading_bytes"] == engine.reading_bytes
