"""Measure how fast a file is embedded: by one process, one per processor, one or two Ray nodes.

    python -m benchmarks.bulk FILE --column 0

Each Ray node is a set of processes on this machine with one processor; a single process has all
processors. The rate counts from the moment when the workers have together embedded 30,000 bytes for
each of them, so that the start of processes and encoders does not count. The last column has the
time before that. Each way is measured twice, in mirrored order, because the machine's speed drifts.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from ray.cluster_utils import Cluster as Nodes

from biLM.bulk.cluster import Cluster, embed_on_cluster
from biLM.bulk.job import EncoderSettings, Job
from biLM.bulk.machine import embed_source
from biLM.bulk.parsers import Columns
from biLM.bulk.parts import Advance, Done
from biLM.bulk.sources import Source, open_source
from biLM.bulk.transform import Wanted
from biLM.cpus import granted_cpus
from training.run.provenance import provenance

PART_CHARACTERS = 30_000


def main() -> None:
    """Print a line for each way to embed the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", type=Path)
    parser.add_argument("--column")
    parser.add_argument("--artifact", type=Path, default=Path("models/zh-small"))
    given = parser.parse_args()
    job = Job(Columns(given.column), Wanted(), part_characters=PART_CHARACTERS)
    source, settings = open_source(given.input, job.columns), EncoderSettings(given.artifact)
    print(provenance(torch.device("cpu")))
    print(f"{granted_cpus()} processors; one float32 vector per piece, in Parquet")
    ways = [Way(1), Way(granted_cpus()), Way(1, nodes=1), Way(2, nodes=2)]
    for way in [*ways, *reversed(ways)]:
        with tempfile.TemporaryDirectory() as out:
            _report(way, source, partial(_run, way, source, Path(out), job, settings))


@dataclass(frozen=True)
class Way:
    """A way to embed the file: a number of workers, on a number of Ray nodes or without Ray (0)."""

    workers: int
    nodes: int = 0

    def __str__(self) -> str:
        where = f"{self.nodes} nodes of 1 processor" if self.nodes else "this machine"
        return f"{self.workers} workers, {where}"


def _run(
    way: Way, source: Source, out: Path, job: Job, settings: EncoderSettings, advance: Advance
) -> Done:
    if not way.nodes:
        return embed_source(source, out, job, settings, way.workers, advance)
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for _ in range(way.nodes - 1):
            nodes.add_node(num_cpus=1)
        cluster = Cluster(nodes.address, way.workers)
        return embed_on_cluster(source, out, job, settings, cluster, advance)
    finally:
        nodes.shutdown()


def _report(way: Way, source: Source, run: Callable[[Advance], Done]) -> None:
    began = time.perf_counter()
    seen: list[tuple[float, int]] = [(began, 0)]
    done = run(lambda units, _: seen.append((time.perf_counter(), seen[-1][1] + units)))
    enough = PART_CHARACTERS * way.workers
    (since, first), (until, last) = next(one for one in seen if one[1] >= enough), seen[-1]
    vectors_per_s = done.rows * (last - first) / source.size / (until - since)
    print(f"{way!s:36} {vectors_per_s:8,.0f} vectors/s after {since - began:5.1f} s", flush=True)


if __name__ == "__main__":
    main()
