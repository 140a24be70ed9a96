"""The header of an npy array, read without trusting it."""

import math
import tokenize
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np

from submission.errors import InputError

__all__ = ["NpyHeader", "read_npy_header"]

MAX_HEADER = 1024
HEADER_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    SyntaxError,
    RecursionError,
    MemoryError,
    EOFError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class NpyHeader:
    """What an npy header says.

    Attributes:
        dtype: the element type, plain numbers.
        shape: the array's shape, in C order.
        num_bytes: bytes before the first element.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    num_bytes: int


def read_npy_header(
    stream: IO[bytes], num_bytes: int, where: str, integers: bool = False
) -> NpyHeader:
    """Reads an npy header and checks it against the bytes that there are.

    The header is a literal that is parsed and never run; longer ones than any array of plain
    numbers needs are refused.

    Args:
        stream: at the start of the npy data; left at the first element.
        num_bytes: length of header and elements together.
        where: names the array in messages.
        integers: whether integers other than uint8 are accepted too.

    Raises:
        ValueError: if the header is unsound, the elements are neither uint8 nor floating point,
            the order is not C order, or the shape does not take exactly the bytes there are.
    """
    readers = cast(Any, np.lib.format)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begin = stream.tell()
            version = readers.read_magic(stream)
            if version not in ((1, 0), (2, 0)):
                raise InputError(f"npy version {version} is not 1.0 or 2.0")
            read = getattr(readers, f"read_array_header_{version[0]}_0")
            shape, fortran_order, dtype = read(stream, max_header_size=MAX_HEADER)
    except HEADER_ERRORS as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{where} has no sound npy header: {reason}") from error
    if dtype.hasobject or dtype.fields is not None or dtype.subdtype is not None:
        raise InputError(f"expected plain numbers in {where}, got {dtype!s:.80}; never unpickled")
    if dtype != np.uint8 and dtype.kind not in ("iuf" if integers else "f"):
        raise InputError(f"expected uint8 or floating point numbers in {where}, got {dtype!s:.80}")
    if any(isinstance(size, bool) or size < 0 for size in shape):
        raise InputError(f"expected sizes of at least 0 in {where}, got shape {shape!s:.80}")
    if fortran_order and len(shape) > 1:
        raise InputError(f"expected C order in {where}, got Fortran order; save it again")
    length = stream.tell() - begin
    needed = math.prod(shape) * dtype.itemsize
    if needed != num_bytes - length:
        raise InputError(
            f"{where} has shape {shape!s:.80} of {dtype}, so {needed:.6g} bytes were expected, "
            f"got {num_bytes - length:,}"
        )
    return NpyHeader(dtype, shape, length)
