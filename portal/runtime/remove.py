"""Remove a data folder, and what the database keeps elsewhere for it.

Usage: python3 portal/runtime/remove.py FOLDER. Refuses a folder that is in use or that
does not look like ours.
"""

import fcntl
import hashlib
import shutil
import sys
from pathlib import Path


def main(folder: Path) -> int:
    """Remove the folder; say why not when it is in use or foreign."""
    folder = folder.resolve()
    marker = folder / "portward.json"
    if not marker.exists():
        sys.stderr.write(f"{folder} holds no portward.json, so it is left alone.\n")
        return 1
    with (folder / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"{folder} is in use: stop `make up` first.\n")
            return 1
    cluster = folder / "postgresql"
    digest = hashlib.sha256(str(cluster).encode()).hexdigest()[:12]
    for place in (Path("/var/tmp"), Path("/tmp")):  # noqa: S108  # where PostgreSQL may have had to go
        shutil.rmtree(place / f"portward-{digest}", ignore_errors=True)
        for file in place.glob(f"portward-{digest}.l*"):
            file.unlink()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
