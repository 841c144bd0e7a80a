"""Whatever fits or breaks the OpenAPI document: no 5xx, and only answers that it describes."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import ignored_auth, load_all_checks, positive_data_acceptance
from schemathesis.generation import GenerationMode

from tests.live import inspecting_url  # noqa: F401 - a fixture

load_all_checks()
# A body may fit its schema and still ask for what contradicts itself, and keys are optional.
NOT_PROMISED = [positive_data_acceptance, ignored_auth]
ASKED = ["/embed", "/v1/embeddings", "/similarity", "/fill", "/complete", "/inspect", "/tokenize"]
READ = ["/health", "/info", "/livez", "/metrics", "/readyz", "/v1/models", "/v1/models/{model_id}"]
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CASES = [(path, mode) for path in ASKED for mode in (POSITIVE, NEGATIVE)]
CASES += [(path, POSITIVE) for path in READ]  # nothing about them can be wrong


# The long run looks further.
FEW, MANY = 12, 40
NUMBERS = [FEW, pytest.param(MANY, marks=pytest.mark.long)]


@pytest.fixture(scope="module")
def document(inspecting_url):  # noqa: F811 - the fixture
    """The document of the service, which shows its gates, so that every path is there."""
    return schemathesis.openapi.from_url(f"{inspecting_url}/openapi.json")


def test_no_path_is_forgotten(document):
    assert {one.ok().path for one in document.get_all_operations()} == {*ASKED, *READ}


# The service runs in a thread of this process; if it draws a random number while Hypothesis makes a
# case, Hypothesis takes that for the strategy's.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("max_examples", NUMBERS)
@pytest.mark.parametrize(("path", "mode"), CASES)
def test_every_answer_is_one_of_the_document(document, path, mode, max_examples):
    (operation,) = [one.ok() for one in document.get_all_operations() if one.ok().path == path]

    @settings(max_examples=max_examples, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(excluded_checks=NOT_PROMISED)

    ask()
