"""Unpacked copies of compressed arrays, which can be mapped where the originals cannot."""

import hashlib
import os
import zipfile
from glob import escape
from pathlib import Path

from submission.console import progress_bar, say
from submission.data.archive import open_member
from submission.data.npy import read_npy_header
from submission.files import replacing
from submission.server.environment import read_cache_path

__all__ = ["find_copies", "unpack"]

CHUNK = 1 << 22


def unpack(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Path:
    """Unpacks a compressed member once; copies of earlier versions of the file are removed.

    The copy is a hidden file beside the original, or, where that folder cannot be written, a file
    in the cache folder (XDG_CACHE_HOME). Its name holds the original's size and time of change.

    Args:
        path: the original.
        archive: the original, opened.
        info: the member, an npy array.

    Returns:
        the copy's path.

    Raises:
        InputError: if the member is damaged.
        OutputError: if the copy cannot be written.
    """
    target = _place(path) / f"{_prefix(path)}{_version(path, info)}.npy"
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
        progress_bar(info.file_size, f"unpacking {path.name}", "B") as bar,
    ):
        while chunk := stream.read(CHUNK):
            output.write(chunk)
            bar.update(len(chunk))
    member = info.filename.removesuffix(".npy")
    for old in target.parent.glob(f"{escape(_prefix(path))}{escape(member)}-*.npy"):
        if old != target:
            old.unlink(missing_ok=True)
    return target


def find_copies(folder: Path) -> list[Path]:
    """Lists the unpacked copies inside a data folder and in the cache folder."""
    beside = folder.glob("*/.*.npz.*-*-*.npy")
    return sorted([*beside, *read_cache_path().glob(".*.npz.*-*-*.npy")])


def _place(path: Path) -> Path:
    """Chooses the folder for the copies of a file."""
    return path.parent if os.access(path.parent, os.W_OK) else read_cache_path()


def _prefix(path: Path) -> str:
    """Begins a copy's name; in the cache folder, files of equal names must not meet."""
    if os.access(path.parent, os.W_OK):
        return f".{path.name}."
    digest = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()
    return f".{digest[:12]}-{path.name}."


def _version(path: Path, info: zipfile.ZipInfo) -> str:
    """Names a member of the file in its present state."""
    status = path.stat()
    return f"{info.filename.removesuffix('.npy')}-{status.st_size}-{status.st_mtime_ns}"
