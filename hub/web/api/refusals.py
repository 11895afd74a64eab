"""What the API answers to requests that it cannot take: always JSON, always one sentence.

So a program reads `detail` whatever went wrong, and the OpenAPI document can promise it.
"""

from django.http import HttpRequest, HttpResponse
from ninja.errors import HttpError, ValidationError

from hub.web.api.endpoints import api
from hub.web.error_pages import refusal_of

_MOST_NAMED = 5


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, fault: ValidationError) -> HttpResponse:
    said = [_sentence(error) for error in fault.errors]
    rest = [f"and {len(said) - _MOST_NAMED} more"] if len(said) > _MOST_NAMED else []
    detail = "; ".join([*said[:_MOST_NAMED], *rest])
    return api.create_response(request, {"detail": detail}, status=422)


@api.exception_handler(HttpError)
def _refused(request: HttpRequest, fault: HttpError) -> HttpResponse:
    status, detail = fault.status_code, str(fault)
    if status == 400:  # the body could not be read; what lies behind says more
        status, detail = refusal_of(fault.__cause__, "The body is not JSON.")
    return api.create_response(request, {"detail": detail}, status=status)


def _sentence(error: dict[str, object]) -> str:
    """`query.limit: Input should be greater than or equal to 1`."""
    place = error["loc"]
    where = ".".join(str(part) for part in place) if isinstance(place, tuple | list) else place
    return f"{where}: {error['msg']}"
