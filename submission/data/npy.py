"""The header of an npy array, read without trusting it."""

import math
import tokenize
import warnings
from typing import IO, Any, cast

import numpy as np

from submission.data.archive import ZIP_ERRORS
from submission.errors import InputError, one_line

__all__ = ["SYNTAX_ERRORS", "read_npy_header"]

MAX_HEADER = 1024
SYNTAX_ERRORS = (ValueError, TypeError, LookupError, AttributeError, SyntaxError, MemoryError)
"""What NumPy raises on a header that is no literal of its kind."""


def read_npy_header(
    stream: IO[bytes], num_bytes: int, where: str, integers: bool = False
) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Reads an npy header and checks it against the bytes that there are.

    The header is a literal that is parsed and never run; longer ones than any array of plain
    numbers needs are refused.

    Args:
        stream: at the start of the npy data; left at the first element.
        num_bytes: length of header and elements together.
        where: names the array in messages.
        integers: whether integers other than uint8 are accepted too.

    Returns:
        the element type, the shape in C order, and the bytes before the first element.

    Raises:
        InputError: if the header is unsound, the elements are neither uint8 nor floating point,
            the order is not C order, or the shape does not take exactly the bytes there are.

    Example:
        >>> import io
        >>> stream = io.BytesIO()
        >>> np.save(stream, np.zeros((2, 3), np.uint8))
        >>> num_bytes, _ = stream.tell(), stream.seek(0)
        >>> read_npy_header(stream, num_bytes, "the example")
        (dtype('uint8'), (2, 3), 128)
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
    except (*ZIP_ERRORS, *SYNTAX_ERRORS, tokenize.TokenError) as error:
        raise InputError(f"{where} has no sound npy header: {one_line(error)}") from error
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
    return dtype, shape, length
