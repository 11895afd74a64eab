"""Error responses of the API: always JSON with a `detail`, as the OpenAPI document declares."""

from django.http import HttpRequest, HttpResponse
from ninja.errors import HttpError, ValidationError

from hub.web.api.endpoints import api
from hub.web.error_pages import refusal_of

_MAX_ERRORS = 5  # in one `detail`


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, fault: ValidationError) -> HttpResponse:
    errors = [_message(error) for error in fault.errors]
    rest = [f"and {len(errors) - _MAX_ERRORS} more"] if len(errors) > _MAX_ERRORS else []
    detail = "; ".join([*errors[:_MAX_ERRORS], *rest])
    return api.create_response(request, {"detail": detail}, status=422)


@api.exception_handler(HttpError)
def _refused(request: HttpRequest, fault: HttpError) -> HttpResponse:
    status, detail = fault.status_code, str(fault)
    if status == 400:  # the body could not be read: the cause is more specific
        status, detail = refusal_of(fault.__cause__, "The body is not JSON.")
    return api.create_response(request, {"detail": detail}, status=status)


def _message(error: dict[str, object]) -> str:
    """Format an error: `query.limit: Input should be greater than or equal to 1`."""
    location = error["loc"]
    path = ".".join(map(str, location)) if isinstance(location, tuple | list) else location
    return f"{path}: {error['msg']}"
