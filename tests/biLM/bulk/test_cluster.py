"""Runs on two real Ray nodes on loopback, compared with the same run on this machine alone."""

import threading
from dataclasses import replace

import pytest
from pyarrow import parquet

from biLM.bulk.job import EncoderSettings, Job
from biLM.bulk.machine import embed_source
from biLM.bulk.parsers import Columns
from biLM.bulk.sources import open_source
from biLM.bulk.transform import Wanted
from biLM.errors import ArtifactError, BulkError, MixError, SourceError
from tests.conftest import SENTENCES

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("default"),  # Ray's own warnings, which we cannot fix
]
JOB = Job(Columns(), Wanted(level="char"), part_characters=2000)


@pytest.fixture(scope="module")
def cluster():
    """The address of two nodes; each is a set of real processes with one CPU."""
    from ray.cluster_utils import Cluster as Nodes

    from biLM.bulk.cluster import Cluster

    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.add_node(num_cpus=1)
    yield Cluster(nodes.address, workers=2)
    nodes.shutdown()


# Ray takes seconds to import, and the usual run leaves these tests out.
@pytest.fixture(scope="module")
def embed_on_cluster():
    """The function under test."""
    from biLM.bulk.cluster import embed_on_cluster

    return embed_on_cluster


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(SENTENCES * 100), encoding="utf-8")
    return path


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_nodes_write_the_files_that_one_machine_writes(
    embed_on_cluster, cluster, texts, tmp_path, artifact_folder
):
    settings, told = EncoderSettings(artifact_folder), []
    source = open_source(texts, JOB.columns)
    alone = embed_source(source, tmp_path / "alone", JOB, settings, 1, print)
    together = embed_on_cluster(
        source, tmp_path / "together", JOB, settings, cluster, lambda *some: told.append(some)
    )
    assert together == alone
    assert len(told) == alone.parts + 1
    assert [sum(column) for column in zip(*told, strict=True)] == [source.size, alone.texts]
    assert files_of(tmp_path / "together") == files_of(tmp_path / "alone")


def test_a_cluster_goes_on_where_one_machine_stopped(
    embed_on_cluster, cluster, texts, tmp_path, artifact_folder
):
    settings, whole = EncoderSettings(artifact_folder), texts.read_bytes()
    out, told = tmp_path / "out", []
    texts.write_bytes(whole[:9000] + b"\xff" + whole[9000:])
    with pytest.raises(SourceError, match="not UTF-8"):
        embed_on_cluster(open_source(texts, JOB.columns), out, JOB, settings, cluster, print)
    assert list(out.glob("part-*"))
    texts.write_bytes(whole)
    source = open_source(texts, JOB.columns)
    done = embed_on_cluster(source, out, JOB, settings, cluster, lambda *some: told.append(some))
    assert done.texts == len(SENTENCES) * 100
    assert len(told) <= done.parts
    assert told[0][0] > 0 == told[0][1]


def test_a_cluster_makes_an_empty_table_of_no_texts_and_repeats_nothing(
    embed_on_cluster, cluster, texts, tmp_path, artifact_folder
):
    settings, out = EncoderSettings(artifact_folder), tmp_path / "out"
    whole = texts.read_bytes()
    for data in (b"", whole, whole):
        texts.write_bytes(data)
        done = embed_on_cluster(open_source(texts, JOB.columns), out, JOB, settings, cluster, print)
        assert done.texts == data.count(b"\n") + (data != b"")
        assert parquet.read_table(out).num_rows == done.rows


def test_a_cluster_leaves_out_the_texts_that_one_machine_leaves_out(
    embed_on_cluster, cluster, texts, tmp_path, artifact_folder
):
    job, settings = replace(JOB, skips_refused=True), EncoderSettings(artifact_folder)
    whole = texts.read_bytes()
    texts.write_bytes(whole[:9000] + b"\n\xff\n" + whole[9000:])
    source = open_source(texts, job.columns)
    alone = embed_source(source, tmp_path / "alone", job, settings, 1, print)
    assert alone.refused >= 1
    assert embed_on_cluster(source, tmp_path / "out", job, settings, cluster, print) == alone
    assert files_of(tmp_path / "out") == files_of(tmp_path / "alone")


def test_a_workers_refusal_is_told_as_if_it_were_here_and_nothing_asks_ray_after_it(
    embed_on_cluster, cluster, texts, tmp_path, artifact_folder, monkeypatch
):
    import ray

    shutdown, names = ray.shutdown, set()

    def spied():
        names.update(thread.name.partition("-")[0] for thread in threading.enumerate())
        assert names.isdisjoint({"iter_threaded", "StreamingExecutor"})  # they end the process
        shutdown()

    monkeypatch.setattr(ray, "shutdown", spied)
    texts.write_bytes(texts.read_bytes() * 30)  # too much to be read before the first refusal
    job, source = replace(JOB, wanted=Wanted(max_text_pieces=1)), open_source(texts, JOB.columns)
    settings = EncoderSettings(artifact_folder)
    with pytest.raises(SourceError, match=r"texts\.txt, line 1: the text has"):
        embed_on_cluster(source, tmp_path / "out", job, settings, cluster, print)
    assert names


def test_no_artifact_no_mix_and_no_cluster_are_told(
    embed_on_cluster, cluster, texts, tmp_path, artifact_folder
):
    source, settings = open_source(texts, JOB.columns), EncoderSettings(artifact_folder)
    with pytest.raises(ArtifactError):
        embed_on_cluster(source, tmp_path / "a", JOB, EncoderSettings(tmp_path), cluster, print)
    job = replace(JOB, wanted=Wanted(mix="none"))
    with pytest.raises(MixError, match="there is no mix 'none'"):
        embed_on_cluster(source, tmp_path / "b", job, settings, cluster, print)
    nowhere = replace(cluster, address="127.0.0.1:1")
    with pytest.raises(BulkError, match=r"no Ray cluster for this at 127\.0\.0\.1:1"):
        embed_on_cluster(source, tmp_path / "c", JOB, settings, nowhere, print)


def test_a_ray_that_hands_over_its_blocks_otherwise_is_named(
    embed_on_cluster, cluster, texts, tmp_path, artifact_folder, monkeypatch
):
    monkeypatch.delattr("ray.data.Dataset.iter_internal_ref_bundles")
    source, settings = open_source(texts, JOB.columns), EncoderSettings(artifact_folder)
    with pytest.raises(BulkError, match=r"Ray .*iter_internal_ref_bundles.*without --ray"):
        embed_on_cluster(source, tmp_path / "out", JOB, settings, cluster, lambda *_: None)
