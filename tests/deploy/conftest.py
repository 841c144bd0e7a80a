from tests.live import service_url  # noqa: F401 - a fixture
