from tests.live import peer, service_url  # noqa: F401 - fixtures
