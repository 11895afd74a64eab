"""Store directories as a published refresh does, without a refresh, and open packs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha1
from pathlib import Path
from typing import Any

import yaml

from hub.content.blob_store import store_blobs
from hub.content.judgement import RULES_VERSION, blobs_to_read, judge_files
from hub.github.source import configured_source
from hub.models import Category, ContentTree, Exporter, ExporterContents
from hub.packs.build import Pack, build_pack
from hub.packs.options import PackOptions
from hub.packs.select import select_files


def exporter(slug: str) -> Exporter:
    """Create an exporter."""
    category, _ = Category.objects.get_or_create(name="Tests")
    found, _ = Exporter.objects.get_or_create(
        slug=slug,
        defaults={
            "title": slug.title(),
            "repository": f"https://github.com/tests/{slug}",
            "category": category,
        },
    )
    return found


def publish(slug: str, files: Mapping[str, bytes], directory: str = "", source: str = "") -> str:
    """Store the files as a directory of the exporter, and return the SHA of its tree."""
    shas = {path: _sha(data) for path, data in files.items()}
    entries = [(path, shas[path], len(data)) for path, data in files.items()]
    to_read = blobs_to_read(entries)
    read = {shas[path]: data for path, data in files.items() if shas[path] in to_read}
    judgement = judge_files(entries, store_blobs(read), {})
    tree = _sha(repr(sorted(entries)).encode())
    ContentTree.objects.update_or_create(
        sha=tree,
        defaults={
            "files": entries,
            "judgement": judgement.as_json(),
            "kinds": judgement.kinds(),
            "rules": RULES_VERSION,
        },
    )
    ExporterContents.objects.update_or_create(
        source=source or configured_source().key,
        directory=directory or slug,
        defaults={"exporter": exporter(slug), "tree_sha": tree},
    )
    return tree


def publish_folder(slug: str, folder: Path) -> str:
    """Store a folder of the file system as the exporter's directory."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return publish(slug, files, folder.name)


def pack_of(*slugs: str, **options: Any) -> Pack:
    """Build the pack of the exporters."""
    chosen = PackOptions(exporters=tuple(sorted(slugs)), **options)
    return build_pack(select_files(configured_source(), chosen), chosen)


def documents(manifest: bytes) -> list[dict[str, Any]]:
    """Return the resources in a manifest, read without any tag or anchor."""
    events = yaml.parse(manifest, yaml.CSafeLoader)
    assert not any(getattr(event, "anchor", None) for event in events)
    return list(yaml.load_all(manifest, yaml.CSafeLoader))


def opened(archive: bytes) -> dict[str, bytes]:
    """Return the files of a zip by path, after a check of all checksums."""
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        assert zipped.testzip() is None
        names = zipped.namelist()
        assert len(names) == len({name.casefold() for name in names})
        return {name: zipped.read(name) for name in names}


def leaves(value: Any) -> Iterator[Any]:
    """Yield all scalars of a document, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def _sha(data: bytes) -> str:
    return sha1(data, usedforsecurity=False).hexdigest()
