"""One tab and everything that went wrong in it."""

import re

FAILED = re.compile(r"Failed to load resource: (?:the server responded with a status of )?(\S+)")


class Visit:
    """A tab at a host, which writes down errors, warnings and requests to anywhere else.

    Args:
        page: The tab.
        host: The address of the service.
        language: Of the person.
    """

    def __init__(self, page, host, language):
        self.page, self.host, self.language = page, host, language
        self.troubles = []
        self.asked = []
        self.expected = set()  # of failed requests: what the browser itself writes to the console
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
