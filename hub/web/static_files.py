"""Storage of static files: compressed, with hashed names where they were collected."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Uses hashed names, which browsers cache for a year, once `collectstatic` has run.

    Without it, as in the tests, the plain names are used, and WhiteNoise finds the files in the
    folders of the apps.
    """

    def stored_name(self, name: str) -> str:
        """Return the hashed name, or the plain one without a manifest."""
        return super().stored_name(name) if self.hashed_files else name
