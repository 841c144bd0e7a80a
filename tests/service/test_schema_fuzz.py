"""Whatever fits or breaks the OpenAPI document: no 5xx, and only answers that it describes."""

import threading

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import ignored_auth, load_all_checks, positive_data_acceptance
from schemathesis.generation import GenerationMode

from tests.service.test_process import read_until, running

load_all_checks()
# A body may fit its schema and still ask for what contradicts itself, and keys are optional.
NOT_PROMISED = [positive_data_acceptance, ignored_auth]
ASKED = ["/embed", "/v1/embeddings", "/similarity", "/fill", "/complete", "/inspect", "/tokenize"]
READ = ["/info", "/livez", "/metrics", "/readyz"]
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CASES = [(path, mode) for path in ASKED for mode in (POSITIVE, NEGATIVE)]
CASES += [(path, POSITIVE) for path in READ]  # nothing about them can be wrong


@pytest.fixture(scope="module")
def document(artifact_folder):
    """The document of a real process."""
    with running("--model", str(artifact_folder), "--threads", "1", "--inspect", "1") as process:
        url = read_until(process, r"running on (http://127\.0\.0\.1:\d+)").group(1)
        read_until(process, "^ready$")
        threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would block
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


def test_no_path_is_forgotten(document):
    assert {one.ok().path for one in document.get_all_operations()} == {*ASKED, *READ}


@pytest.mark.parametrize(("path", "mode"), CASES)
def test_every_answer_is_one_of_the_document(document, path, mode):
    (operation,) = [one.ok() for one in document.get_all_operations() if one.ok().path == path]

    @settings(
        max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(excluded_checks=NOT_PROMISED)

    ask()
