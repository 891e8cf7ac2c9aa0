"""What a browser complains of: a page that works gives no cause."""

import re

from playwright.async_api import BrowserContext, ConsoleMessage, Response, WebError

_COMPLAINTS = ("error", "warning", "assert")
_SERVER_FAULTS = 500

_TELL_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) =>
  console.error(`CSP: ${event.effectiveDirective} ${event.blockedURI} in ${event.sourceFile}`))
"""


class Complaints:
    """Errors and warnings in the console, exceptions, breaches of the CSP, faults of the server."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._expected: list[re.Pattern[str]] = []

    async def watch(self, context: BrowserContext) -> None:
        """Take note of all that happens in any window of `context` from now on."""
        context.on("console", self._note_message)
        context.on("weberror", self._note_exception)
        context.on("response", self._note_response)
        await context.add_init_script(_TELL_VIOLATIONS)

    def expect(self, *patterns: str) -> None:
        """Don't count what one of these regular expressions is found in, whenever it came."""
        self._expected += [re.compile(pattern) for pattern in patterns]

    @property
    def unexpected(self) -> list[str]:
        """What the test hasn't brought about itself."""
        return [told for told in self.all if not any(one.search(told) for one in self._expected)]

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in _COMPLAINTS:
            self.all.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _note_exception(self, error: WebError) -> None:
        self.all.append(f"exception: {error.error}")

    def _note_response(self, response: Response) -> None:
        if response.status >= _SERVER_FAULTS:
            self.all.append(f"answer: {response.status} {response.request.method} {response.url}")
