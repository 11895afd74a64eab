"""Static files with and without `collectstatic`: their names, and which of them are stored."""

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


def test_only_files_with_a_hashed_name_are_stored_and_compressed(tmp_path: Path) -> None:
    storage = CollectedStaticFilesStorage(str(tmp_path), "/static/")
    (tmp_path / "page.css").write_text("body { color: red }\n" * 100)
    list(storage.post_process({"page.css": (storage, "page.css")}))
    hashed = storage.stored_name("page.css")
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {hashed, f"{hashed}.gz", "staticfiles.json"}
