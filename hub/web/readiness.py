"""The readiness check, /readyz. `config.server` answers /healthz, which needs no database."""

from collections.abc import Callable

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.utils.log import log_response


def answer_readiness(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer /readyz with 200, or with 503 and the reason.

    A middleware, because load balancers and Kubernetes use plain HTTP and an address as the host
    name: the settings reject both for everything else.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path_info != "/readyz":
            return get_response(request)
        problem, cause = _problem()
        response = HttpResponse(
            f"{problem or 'ready'}\n",
            status=503 if problem else 200,
            content_type="text/plain",
            headers={"Cache-Control": "no-store"},
        )
        if problem:
            log_response("%s", problem, response=response, request=request, exception=cause)
        return response

    return answer


def _problem() -> tuple[str, Error | None]:
    """Return why readers cannot be served ("" if they can), and the error of the database."""
    try:
        migrations = unapplied_migrations()
    except Error as error:
        return "Not ready: the database does not answer. Check Postgres and DATABASE_URL.", error
    if migrations:
        return (
            f"Not ready: {len(migrations)} migrations are not applied, the first of them is "
            f"{migrations[0]}. Run manage.py migrate.",
            None,
        )
    return "", None


def unapplied_migrations() -> list[str]:
    """Return the migrations that the code has and the database does not, in their order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
