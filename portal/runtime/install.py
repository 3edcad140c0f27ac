"""Create the environment and install a hash-pinned lock. Runs on bare Python.

Usage: python3 portal/runtime/install.py FOLDER LOCK
"""

import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 11)


def main(folder: Path, lock: Path) -> int:
    """Make the environment if there is none, then install exactly what is pinned."""
    if sys.version_info < OLDEST:  # a newcomer's python3 may be older
        sys.stderr.write(
            f"Portward needs Python 3.11 or newer; this is {sys.version.split()[0]}.\n"
            "Name another one: make up PYTHON=python3.12\n"
        )
        return 1
    python = folder / "bin" / "python"
    if not python.exists():
        sys.stdout.write(f"Creating the environment in {folder} …\n")
        try:
            venv.create(folder, with_pip=True, symlinks=True)
        except (subprocess.CalledProcessError, OSError) as error:
            sys.stderr.write(
                f"The environment could not be created: {error}\n"
                "On Debian and Ubuntu: apt-get install python3-venv\n"
            )
            return 1
    sys.stdout.write(f"Installing {lock} …\n")
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603  # our own arguments
        [
            *(str(python), "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--disable-pip-version-check", "--no-warn-script-location"),
            *("--require-hashes", "--only-binary", ":all:", "-r", str(lock)),
        ],
        check=False,
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
