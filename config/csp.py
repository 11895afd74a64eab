"""The Content-Security-Policy header."""

from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_HEADER = "Content-Security-Policy"


class ContentSecurityPolicy(CSPMiddleware):
    """django-csp's, but that the settings' policy is rendered once.

    For each answer anew, it takes as long as a view that only sends bytes. Answers whose view has
    a policy of its own, or used a nonce, are left to django-csp.
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]  # what Django hands every middleware
        self._policy = build_policy()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Django calls it with each answer."""
        its_own = any(name.startswith("_csp") for name in vars(response))
        if its_own or hasattr(request, "_csp_nonce"):
            return super().process_response(request, response)
        response.headers.setdefault(_HEADER, self._policy)
        return response
