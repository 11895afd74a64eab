"""Parts of addresses that Django's own converters do not take."""

from django.urls import register_converter


class AnyText:
    """Any text, line breaks included: a directory's name may hold them, which `path` does not."""

    regex = "(?s:.+)"

    def to_python(self, value: str) -> str:
        """The part as it is."""
        return value

    def to_url(self, value: str) -> str:
        """The part as it is; Django quotes it."""
        return value


register_converter(AnyText, "text")
