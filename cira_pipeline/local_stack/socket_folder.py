"""The folder of Unix sockets that only this user may enter, with a path short enough for the kernel."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from cira_pipeline.errors import ConfigurationError

MAX_SOCKET_PATH_BYTES = 107
"""The kernel's limit for the path of a Unix socket (unix(7): `sun_path`, with its final zero)."""
_LONGEST_NAME_BYTES = 32


def socket_folder(home: Path) -> Path:
    """The same folder for the same `home`, made when missing, mode 700.

    It is `HOME/sockets`. When the path of a socket there would be too long, it is a folder named after the path of
    `home`, below /run/user/UID or the folder for temporary files.

    Raises: ConfigurationError when a folder of another user is in the way.
    """
    home = home.absolute()
    inside = home / "sockets"
    if len(os.fsencode(inside)) + 1 + _LONGEST_NAME_BYTES <= MAX_SOCKET_PATH_BYTES:
        return _private(inside)
    name = f"cira-{os.getuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    runtime = Path(f"/run/user/{os.getuid()}")
    return _private((runtime if os.access(runtime, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())) / name)


def remove_socket_folder(folder: Path) -> None:
    """Removes the folder and the sockets in it; other files are left, with the folder."""
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.is_socket():
                path.unlink(missing_ok=True)
        # Not empty: something else is in it.
        with suppress(OSError):
            folder.rmdir()


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise ConfigurationError(f"{folder} must be a folder of this user; it belongs to another one: remove it")
        folder.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be made: {error.strerror}") from error
    return folder
