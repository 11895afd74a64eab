"""What a publication changes: each directory's gains and losses. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hub.content.refresh.plan import FIELDS, Entry
from hub.models.choices import ChangeCause, ChangeKind, ChangeWhat


@dataclass(frozen=True)
class Difference:
    """One line of the change log."""

    directory: str
    kind: ChangeKind
    what: ChangeWhat
    cause: ChangeCause


def differences(last: Mapping[str, Entry], new: Mapping[str, Entry]) -> list[Difference]:
    """What `new` has gained and lost against `last`, by directory.

    What was unknown before counts as gained when it turns out to be there, and never as lost: a
    failed lookup is no news. Between content that was and is there, only a change of its usability
    counts.
    """
    found: list[Difference] = []
    for directory in sorted(last.keys() | new.keys(), key=str.casefold):
        found += _of_directory(directory, last.get(directory), new.get(directory))
    return found


def _of_directory(directory: str, last: Entry | None, new: Entry | None) -> Iterator[Difference]:
    cause = ChangeCause.PUSH
    if last is None:
        yield Difference(directory, ChangeKind.DIRECTORY, ChangeWhat.GAINED, cause)
    elif new is None:
        yield Difference(directory, ChangeKind.DIRECTORY, ChangeWhat.LOST, cause)
    elif new.tree_sha == last.tree_sha:
        cause = ChangeCause.RULES
    before, after = last or Entry(), new or Entry(iac=False, alerts=False, dashboard=False)
    for letter, name in FIELDS.items():
        what = _what(
            getattr(before, name),
            getattr(after, name),
            getattr(before, f"{name}_usable"),
            getattr(after, f"{name}_usable"),
        )
        if what:
            yield Difference(directory, ChangeKind(letter), what, cause)


def _what(
    was: bool | None, there: bool | None, worked: bool | None, works: bool | None
) -> ChangeWhat | None:
    if there and not was:
        return ChangeWhat.GAINED
    if was and there is False:
        return ChangeWhat.LOST
    if was and there and worked is not works and None not in (worked, works):
        return ChangeWhat.USABLE if works else ChangeWhat.BROKEN
    return None
