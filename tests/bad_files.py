"""Files of images, good and spoilt, and the one line that refuses one."""

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SIZES = (1, 1, 2, 1, 1, 2, 3)


IMAGES = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)


def npy(array: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(*members: tuple[str, bytes], packed: bool = False) -> bytes:
    stream = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as file:
        warnings.simplefilter("ignore")
        for name, content in members:
            file.writestr(name, content)
    return stream.getvalue()


GOOD = archive(("images.npy", npy(IMAGES)), ("factor_sizes.npy", npy(np.array(SIZES))))


def one_line(path: Path, action: Callable[[], object]) -> str:
    with pytest.raises((ValueError, FileNotFoundError, PermissionError)) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500 + len(str(path)) * 2
    assert path.name in text
    return text
