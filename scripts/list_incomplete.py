"""Print the metadata folder of each installed package whose files are not all here.

An installation that was killed can leave a package that cannot be imported, and pip takes it for
installed as long as that folder is there.
"""

from __future__ import annotations

import sysconfig
from importlib.metadata import Distribution
from pathlib import Path


def main() -> None:
    for info in sorted(Path(sysconfig.get_path("purelib")).glob("*.dist-info")):
        if not is_whole(Distribution.at(info)):
            print(info)


def is_whole(package: Distribution) -> bool:
    """Whether all files of its list are here; compiled ones (.pyc) come and go."""
    files = [file for file in package.files or () if file.suffix != ".pyc"]
    return bool(files) and all(Path(str(file.locate())).exists() for file in files)


if __name__ == "__main__":
    main()
