"""The real service on a socket, for programs that the page shows."""

from tests.live import service_url  # noqa: F401 - a fixture
