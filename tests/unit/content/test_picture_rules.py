"""Which files are shown as pictures."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from hub.content.picture_rules import (
    MAX_SIZE,
    NotAPicture,
    check_picture,
    kind_of_picture,
    picture_paths,
)


def encoded(suffix: str, mode: str = "RGB", size: tuple[int, int] = (40, 20), **how: Any) -> bytes:
    written = BytesIO()
    Image.new(mode, size, "white").save(written, suffix, **how)
    return written.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims this size, in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (encoded("PNG"), "image/png"),
        (encoded("PNG", "RGBA"), "image/png"),
        (encoded("PNG", "P"), "image/png"),
        (encoded("JPEG"), "image/jpeg"),
        (encoded("JPEG", "CMYK"), "image/jpeg"),
        (encoded("GIF", "P"), "image/gif"),
        (encoded("WEBP"), "image/webp"),
    ],
)
def test_pictures_keep_their_bytes_and_get_the_type_of_their_content(
    data: bytes, media_type: str
) -> None:
    checked = check_picture(data)
    assert vars(checked) == {"data": data, "media_type": media_type, "width": 40, "height": 20}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot be decoded"),
        (b"<html><script>alert(1)</script></html>", "cannot be decoded"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "cannot be decoded"),
        (b"%PDF-1.7\n", "cannot be decoded"),
        (encoded("BMP"), "cannot be decoded"),
        (encoded("TIFF"), "cannot be decoded"),
        (encoded("PNG")[:-30], "cannot be decoded"),
        (encoded("JPEG", size=(400, 400))[:-400], "cannot be decoded"),
        (png_of_size(400, 400), "cannot be decoded"),  # too little data for its size
        (png_of_size(5_000, 5_000), "5000 × 5000 pixels"),
        (png_of_size(100_000, 100_000), "too many pixels"),
        (png_of_size(2**31 - 1, 1), "too many pixels"),
    ],
)
def test_other_files_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(NotAPicture, match=reason):
        check_picture(data)


def frames(suffix: str) -> bytes:
    colours = [Image.new("RGB", (40, 20), colour) for colour in ("red", "lime", "blue")]
    written = BytesIO()
    colours[0].save(written, suffix, save_all=True, append_images=colours[1:], duration=100)
    return written.getvalue()


@pytest.mark.parametrize("suffix", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_shown_as_its_first_frame(suffix: str) -> None:
    checked = check_picture(frames(suffix))
    assert (checked.media_type, checked.width, checked.height) == ("image/png", 40, 20)
    with Image.open(BytesIO(checked.data)) as image:
        assert not getattr(image, "is_animated", False)
        red, green, blue, *_ = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
        assert red > 200 > 60 > max(green, blue)


def test_a_turned_photograph_has_the_size_that_browsers_show() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned by 90°
    checked = check_picture(encoded("JPEG", exif=exif))
    assert (checked.width, checked.height) == (20, 40)


def test_only_eight_pictures_of_a_version_are_shown() -> None:
    names = [f"{folder}/{number}.png" for folder in ("v1", "v2") for number in range(9)]
    shown = picture_paths((name, 1) for name in names)
    assert shown == [name for name in names if not name.endswith("8.png")]


def test_pictures_are_chosen_by_suffix_and_size() -> None:
    names = ("A.PNG", "b.jpeg", "c.jpg", "d.gif", "e.webp")
    assert picture_paths((name, MAX_SIZE) for name in names) == list(names)
    assert picture_paths([("large.png", MAX_SIZE + 1), ("empty.png", 0)]) == []
    assert picture_paths((name, 9) for name in ("a.svg", "png", "a.png.txt", "a.ico")) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("images/overview.png", "G"),
        ("Redis.png", "G"),
        ("images/Redis_dashboard.png", "G"),
        ("v1/alerts/firing.png", "A"),
        ("helm-chart/icon.png", "I"),
    ],
)
def test_a_picture_belongs_to_the_kind_that_its_path_names(path: str, kind: str) -> None:
    assert kind_of_picture(path) == kind
