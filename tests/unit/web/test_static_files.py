"""The names of static files, with and without `collectstatic`."""

from pathlib import Path

from hub.web.static_files import CollectedStaticFilesStorage


def test_names_are_hashed_only_where_the_files_were_collected(tmp_path: Path) -> None:
    storage = CollectedStaticFilesStorage(str(tmp_path), "/static/")
    assert storage.url("hub/hub.css") == "/static/hub/hub.css"
    (tmp_path / "staticfiles.json").write_text(
        '{"version": "1.1", "paths": {"hub/hub.css": "hub/hub.0123456789ab.css"}}'
    )
    storage = CollectedStaticFilesStorage(str(tmp_path), "/static/")
    assert storage.url("hub/hub.css") == "/static/hub/hub.0123456789ab.css"
