from tests.live import inspecting_url, peer, service_url  # noqa: F401 - fixtures
