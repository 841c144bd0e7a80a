"""Traces by OpenTelemetry's own program around the service, as docs/deploy.md tells."""

import json
import os
import re
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks.processes import PATIENCE_S, READY, SERVICE, running

ROOT = Path(__file__).parents[2]
TEXT = "我吃了一个苹果"
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "x-request-id": "r-1"}
INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")


def documented():
    """Return the environment variables in the document."""
    section = (ROOT / "docs/deploy.md").read_text("utf-8").partition("## Traces")[2]
    return dict(re.findall(r"^\s*export (\w+)=(\S+)$", section, re.MULTILINE))


def spans_of(output):
    """Return the JSON objects that the console exporter has printed one after the other."""
    decoder, spans, place = json.JSONDecoder(), [], 0
    while (place := output.find("{", place)) >= 0:
        span, place = decoder.raw_decode(output, place)
        spans.append(span)
    return spans


@pytest.mark.long
def test_a_request_leaves_a_span_with_its_times_and_without_its_text(artifact_folder, tmp_path):
    console = {"OTEL_TRACES_EXPORTER": "console"}  # else they go to a collector
    command = [str(INSTRUMENT), *SERVICE, "--threads", "1", "--model", str(artifact_folder)]
    environment = {**os.environ, **documented(), **console}
    with (
        (tmp_path / "spans").open("wb") as output,
        running(*command, cwd=ROOT, env=environment, stdout=output) as server,
    ):
        server.wait_for(READY)
        assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE_S).status_code == 200
        answer = httpx.post(
            f"{server.url}/embed", json={"texts": TEXT}, headers=CALLER, timeout=PATIENCE_S
        )
        server.process.terminate()
        server.process.wait(PATIENCE_S)
        log = server.log()

    assert answer.status_code == 200, log
    spans = {span["name"]: span for span in spans_of((tmp_path / "spans").read_text("utf-8"))}
    assert all(name.startswith("POST /embed") for name in spans)  # and none for the probe
    span = spans["POST /embed"]
    assert span["attributes"]["http.status_code"] == 200
    assert span["attributes"]["http.response.header.server_timing"] == [
        answer.headers["server-timing"]
    ]
    assert span["resource"]["attributes"]["service.name"] == "bilm"
    assert span["attributes"]["http.response.header.x_request_id"] == ["r-1"]
    assert span["context"]["trace_id"] == f"0x{TRACE}"
    assert TEXT not in json.dumps(spans, ensure_ascii=False) + log
