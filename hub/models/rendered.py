"""The base of models with a text that pages show as HTML."""

from typing import Any

from django.db import models


class RenderedText(models.Model):
    """A text with its HTML, which a worker renders after the text was stored."""

    # `hub.rendering.markdown.render`; null if the text is shown as it is
    html_parts: models.JSONField[Any, Any] = models.JSONField(null=True, editable=False)
    # The version of the renderer; 0 for a text that is not rendered yet, null for other texts.
    renderer = models.PositiveSmallIntegerField(
        null=True, default=0, db_default=0, db_index=True, editable=False
    )

    class Meta:
        abstract = True
