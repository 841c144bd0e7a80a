"""Watch one browser tab and record everything that goes wrong in it."""

import re

FAILED = re.compile(r"Failed to load resource: (?:the server responded with a status of )?(\S+)")


class Visit:
    """A browser tab that records its errors, its warnings and its requests to any other host.

    Args:
        page: The tab.
        host: The address of the service.
        language: The language of the visitor.
    """

    def __init__(self, page, host, language):
        self.page, self.host, self.language = page, host, language
        self.troubles = []
        self.asked = []
        # The browser reports a failed request on the console by its status; a test adds those that
        # it provokes.
        self.expected = set()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        page.on("request", self._see)

    def go(self, view):
        """Open a view and return the page."""
        self.page.goto(f"{self.host}/#/{view}")
        return self.page

    def _hear(self, message):
        failed = FAILED.match(message.text)
        if failed and failed.group(1) in self.expected:
            return
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text}")

    def _see(self, request):
        if request.url.startswith(("data:", "blob:")):
            return
        if not request.url.startswith(f"{self.host}/"):
            self.troubles.append(f"a request left the host: {request.url}")
        self.asked.append((request.method, request.url.removeprefix(self.host)))
