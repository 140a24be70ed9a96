"""Unpacked copies of compressed arrays, which can be mapped where the originals cannot."""

import hashlib
import os
import zipfile
from glob import escape
from pathlib import Path

from submission.console import say
from submission.data.archive import chunks_of, open_member
from submission.data.npy import read_npy_header
from submission.files import replacing
from submission.server.environment import read_cache_path

__all__ = ["find_copies", "unpack"]


def unpack(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Path:
    """Unpacks a compressed member once; copies of earlier versions of the file are removed.

    The copy is a hidden file beside the original, or, where that folder cannot be written, a file
    in the cache folder (XDG_CACHE_HOME). Its name holds the original's size and time of change.

    Returns:
        the copy's path.

    Raises:
        InputError: if the member is damaged.
        OutputError: if the copy cannot be written.
    """
    status, member = path.stat(), info.filename.removesuffix(".npy")
    folder, prefix = path.parent, f".{path.name}."
    if not os.access(folder, os.W_OK):
        digest = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()
        folder, prefix = read_cache_path(), f".{digest[:12]}-{path.name}."
    target = folder / f"{prefix}{member}-{status.st_size}-{status.st_mtime_ns}.npy"
    if target.exists():
        return target
    with open_member(path, archive, info) as stream:
        read_npy_header(stream, info.file_size, f"member {info.filename!r} of {path}")
    say(
        f"{path} is compressed: unpacking {info.file_size:,} bytes once to {target}, which stays "
        "for later runs; delete it when you are done"
    )
    with (
        open_member(path, archive, info) as stream,
        replacing(target, info.file_size) as beside,
        beside.open("wb") as output,
    ):
        for chunk in chunks_of(stream, info.file_size, f"unpacking {path.name}"):
            output.write(chunk)
    for old in folder.glob(f"{escape(prefix + member)}-*.npy"):
        if old != target:
            old.unlink(missing_ok=True)
    return target


def find_copies(folder: Path) -> list[Path]:
    """Lists the unpacked copies inside a data folder and in the cache folder."""
    beside = folder.glob("*/.*.npz.*-*-*.npy")
    return sorted([*beside, *read_cache_path().glob(".*.npz.*-*-*.npy")])
