"""Pagination of lists: the template context of `hub/includes/pager.html`."""

from collections.abc import Callable, Sequence
from typing import Any

from django.core.paginator import EmptyPage, Paginator
from django.http import Http404


def pager(
    items: Sequence[Any], per_page: int, number: int, url_of: Callable[[int], str]
) -> dict[str, Any]:
    """Return the page `number` of `items`, and the links to the others. Raise 404 beyond the last.

    `url_of` returns the URL of a page.
    """
    try:
        page = Paginator(items, per_page).page(number)
    except EmptyPage as fault:
        raise Http404("The page number is beyond the last page.") from fault
    numbers = page.paginator.get_elided_page_range(number, on_each_side=1, on_ends=1)
    return {
        "page": page,
        # Without a URL: "…" instead of numbers
        "links": [(other, url_of(other) if isinstance(other, int) else "") for other in numbers],
        "previous": url_of(number - 1) if page.has_previous() else "",
        "next": url_of(number + 1) if page.has_next() else "",
    }


def page_number(text: str) -> int:
    """Parse the number of a page from its URL; 1 if it is invalid."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
