"""Files that appear whole or not at all, and only once: what the store and the cache write on a local disk."""

import os
import uuid
from pathlib import Path

_TEMPORARY = ".tmp"


def is_temporary(name: str) -> bool:
    """Whether a file's name is that of a write that is going on, or was killed."""
    return name.startswith(".") and name.endswith(_TEMPORARY)


def create_file(path: Path, data: bytes) -> bool:
    """Write a new file; readers never see a part of it, and of several writers exactly one succeeds.

    `O_EXCL` alone would show half a file, and leave it there after a kill -9; `link` gives the name to a file that is
    complete and on disk.

    Returns:
        False when there is a file of that name already; it is left as it is.
    """
    temporary = _write_temporary(path, data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync_folder(path.parent)
    return True


def replace_file(path: Path, data: bytes) -> None:
    """Write a file, in the place of one that may be there; readers see the old one or the new one, whole."""
    temporary = _write_temporary(path, data)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _write_temporary(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{uuid.uuid4().hex}{_TEMPORARY}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)  # each try on a full disk would leave one more
        raise
    return temporary


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
