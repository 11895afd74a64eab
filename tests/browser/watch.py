"""Detect errors of pages that must not occur in any test."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# htmx logs these events for a request that a later request of the same page replaces.
_REPLACED = ("htmx:sendAbort", "htmx:afterRequest")


class Watch:
    """Collects faults: console errors (including violations of the content security policy),
    exceptions of scripts, failed requests, and requests to other origins.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.faults: list[str] = []
        self.expected: set[str] = set()

    def over(self, context: BrowserContext) -> None:
        """Watch all pages of a browser context."""
        context.on("console", self._console)
        context.on("weberror", self._exception)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def leave(self, context: BrowserContext) -> None:
        """Stop watching a context."""
        context.remove_listener("console", self._console)
        context.remove_listener("weberror", self._exception)
        context.remove_listener("request", self._request)
        context.remove_listener("requestfailed", self._failed)
        context.remove_listener("response", self._response)

    def expect(self, path: str) -> None:
        """Allow an error response for `path`."""
        self.expected.add(f"{self.origin}{path}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.text.startswith(_REPLACED):
            return
        if message.type == "error" and message.location["url"] not in self.expected:
            self.faults.append(f"console: {message.text} ({message.location['url']})")

    def _exception(self, error: WebError) -> None:
        self.faults.append(f"exception: {error.error}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and not request.url.startswith(f"{self.origin}/"):
            self.faults.append(f"request to another origin: {request.url}")

    def _failed(self, request: Request) -> None:
        # Aborted by a download or by a navigation to another page.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"request failed: {request.url} ({request.failure})")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.url not in self.expected:
            self.faults.append(f"{response.status}: {response.url}")
