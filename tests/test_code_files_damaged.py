"""Files of codes that are damaged, or hold no codes, are refused by name."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from submission.errors import InputError
from submission.scoring.code_files import read_codes
from tests.code_files import CODES, FACTORS, write_npz


def write_twice(folder: Path) -> Path:
    path = write_npz(folder, CODES, FACTORS)
    with zipfile.ZipFile(path, "a") as archive, archive.open("codes", "w") as member:
        np.save(member, CODES + 1)
    return path


def write_pickle(folder: Path) -> Path:
    path = folder / "codes.npy"
    np.save(path, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    return path


def write_cut(folder: Path) -> Path:
    path = write_npz(folder, CODES, FACTORS)
    path.write_bytes(path.read_bytes()[:3000])
    return path


def write_with_cut_header(folder: Path) -> Path:
    path = folder / "codes.npy"
    np.save(path, CODES)
    path.write_bytes(path.read_bytes().replace(b"(600, 2), }", b"(600, 2   }"))
    return path


def write_with_wrong_offset(folder: Path) -> Path:
    """Writes a file whose last record says that its list of members begins past the end."""
    path = write_npz(folder, CODES, FACTORS)
    path.write_bytes(path.read_bytes()[:-6] + b"\xff\xff\xff\x7f\0\0")
    return path


def write_arrays(name: str, **arrays: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / name, **arrays)
        return folder / name

    return write


def write_text(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text("codes")
        return folder / name

    return write


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (write_pickle, "codes.npy"),
        (write_cut, "codes.npz"),
        (write_with_cut_header, "codes.npy"),
        (write_with_wrong_offset, "codes.npz"),
        (write_twice, "each once, got codes, codes"),
        (write_text("codes.safetensors"), "codes.safetensors"),
        (write_text("codes.pt"), r"\.npz.*codes\.pt"),
        (write_arrays("a.npz", a=CODES, b=CODES), "codes.*got a, b"),
        (write_arrays("a.npz", a=CODES, factors=FACTORS, labels=FACTORS), "both"),
        (write_arrays("a.npz", a=CODES[:, :, None, None]), r"\(600, 2, 1, 1\)"),
        (write_arrays("a.npz", a=CODES + 1j), "complex"),
        (write_arrays("a.npz", codes=CODES, factors=FACTORS[:9]), "600 rows.*got 9"),
        (
            write_arrays("a.npz", codes=CODES[:9].T, factors=FACTORS[:9]),
            r"transposed; save codes\.T",
        ),
        (
            write_arrays("a.npz", codes=CODES[:9].repeat(8, 1).T[:3], factors=FACTORS.T[:1]),
            r"3 rows of factors.*got 1 in",
        ),
        (
            write_arrays("a.npz", codes=CODES.T, factors=FACTORS.T),
            r"save codes\.T and factors\.T",
        ),
        (write_arrays("a.npz", codes=CODES, factors=FACTORS, factor_names=["a"]), "2 names"),
        (
            write_arrays("a.npz", codes=CODES, factors=FACTORS, factor_names=["size", "size"]),
            "different name.*got size more than once",
        ),
        (write_text("codes.npz"), r"numpy\.savez at .*codes\.npz"),
    ],
)
def test_a_file_that_cannot_be_scored_is_named(
    tmp_path: Path, write: Callable[[Path], Path], words: str
) -> None:
    path = write(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        read_codes(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn"])
def test_numbers_that_numpy_does_not_know_are_one_line(tmp_path: Path, kind: str) -> None:
    import torch
    from safetensors.torch import save_file as save

    path = tmp_path / "codes.safetensors"
    save({"codes": torch.ones(4, 2).to(getattr(torch, kind))}, path)
    with pytest.raises(InputError, match=r"codes\.safetensors"):
        read_codes(path)
