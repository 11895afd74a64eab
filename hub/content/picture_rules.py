"""Decide which files of a directory are shown as pictures. Pure functions."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

from PIL import ExifTags, Image

from hub.content.kinds import KINDS
from hub.content.rules.files import directory_version

SUFFIXES = (".gif", ".jpeg", ".jpg", ".png", ".webp")
MAX_SIZE = 1_000_000  # bytes
_MAX_PICTURES = 8  # of a version; each costs a request to GitHub
_MAX_PIXELS = 16_000_000  # a screen with 5K; takes 64 MB while it is decoded
_FORMATS = ("GIF", "JPEG", "PNG", "WEBP")  # Pillow tries no other decoder
_TURNED = range(5, 9)  # values of EXIF's orientation that swap width and height


class NotAPicture(Exception):
    """The file is not shown; the message says why."""


@dataclass(frozen=True)
class CheckedPicture:
    """A picture that was decoded completely. Width and height are as a browser shows it."""

    data: bytes
    media_type: str
    width: int
    height: int


def picture_paths(sizes: Iterable[tuple[str, int]]) -> list[str]:
    """Return the paths to show as pictures, the first ones of each version. `sizes`: in bytes."""
    found, counts = [], Counter[str]()
    for path, size in sorted(sizes):
        version = directory_version(path)
        if is_picture(path) and 0 < size <= MAX_SIZE and counts[version] < _MAX_PICTURES:
            counts[version] += 1
            found.append(path)
    return found


def is_picture(path: str) -> bool:
    """Return whether the file is named like a picture."""
    return path.casefold().endswith(SUFFIXES)


_PICTURED = next(kind.letter for kind in KINDS if kind.pictured)


def kind_of_picture(path: str) -> str:
    """Return the letter of the kind that the path names; without one, of the pictured kind."""
    words = set(re.findall(r"[^\W_]+", path.casefold()))
    return next((kind.letter for kind in KINDS if kind.words & words), _PICTURED)


def check_picture(data: bytes) -> CheckedPicture:
    """Decode the picture. Raises `NotAPicture`.

    The bytes stay as they are, so that colours and quality do: a browser that is told the right
    type runs nothing in them. Of an animation, only the first frame is kept, because readers
    cannot stop it.
    """
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > _MAX_PIXELS:
                raise NotAPicture(f"has {width} × {height} pixels, which is too many")
            image.load()
            if getattr(image, "is_animated", False):
                image.seek(0)
                frame = BytesIO()
                image.save(frame, "PNG")
                return CheckedPicture(frame.getvalue(), "image/png", width, height)
            if image.getexif().get(ExifTags.Base.Orientation) in _TURNED:
                width, height = height, width
            return CheckedPicture(data, Image.MIME[image.format or ""], width, height)
    except Image.DecompressionBombError:
        raise NotAPicture("has too many pixels") from None
    except NotAPicture:
        raise
    except Exception as fault:  # noqa: BLE001 — decoders raise errors of many classes
        raise NotAPicture(f"cannot be decoded ({type(fault).__name__})") from None
