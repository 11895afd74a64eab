"""Copy the hub's tables, and restore them quickly before each test.

Content types and permissions are included: the web process caches their ids, and truncating the
database between tests creates new ones.
"""

from io import BytesIO

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import connection, models, transaction

_APPS = ("contenttypes", "auth", "hub")


def _models() -> list[type[models.Model]]:
    return [
        model
        for app in _APPS
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    ]


def copy_out() -> dict[str, bytes]:
    """Return all rows of these apps' tables, by table."""
    copy = {}
    with transaction.atomic(), connection.cursor() as cursor:
        for model in _models():
            rows = BytesIO()
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.copy_expert(f"COPY {table} TO STDOUT (FORMAT binary)", rows)  # type: ignore[attr-defined]
            copy[table] = rows.getvalue()
    return copy


def restore(copy: dict[str, bytes]) -> None:
    """Restore the tables in any order: foreign keys are checked at the commit."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(copy)} CASCADE")
        for table, rows in copy.items():
            cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", BytesIO(rows))  # type: ignore[attr-defined]
        for statement in connection.ops.sequence_reset_sql(no_style(), _models()):
            cursor.execute(statement)
    ContentType.objects.clear_cache()
