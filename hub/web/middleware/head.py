"""HEAD for the API."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def answer_head(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: answers HEAD on the API as GET, of which the web server sends the headers.

    django-ninja routes a method to its operation by name, and would list HEAD beside each GET.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if request.method != "HEAD" or not request.path.startswith("/api/"):
            return get_response(request)
        request.method = "GET"
        response = get_response(request)
        request.method = "HEAD"
        return response

    return answer
