"""Parts of addresses that Django's own converters do not take."""

from django.urls import register_converter
from django.urls.converters import StringConverter


class AnyText(StringConverter):
    """Any text, line breaks included: a directory's name may hold them, which `path` does not."""

    regex = "(?s:.+)"


register_converter(AnyText, "text")
