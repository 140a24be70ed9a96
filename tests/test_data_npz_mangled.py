"""No file, however mangled, does anything but map to an array or fail with one of its errors."""

import io
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from submission.data.npz import map_member
from tests.test_data_npz import IMAGES

WATCHED = {"exec", "pickle.find_class", "os.system", "subprocess.Popen", "os.exec", "ctypes.dlopen"}
seen: list[str] = []
watching = False


def watch(event: str, _: tuple[Any, ...]) -> None:
    if watching and event in WATCHED:
        seen.append(event)


sys.addaudithook(watch)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mangled") / "mangled.npz"


def opens_or_says_why(path: Path, content: bytes) -> None:
    """The law: an array of exactly the bytes there are, or one of the errors that are promised."""
    global watching
    path.write_bytes(content)
    watching = True
    message = ""
    try:
        mapped = map_member(path)
    except (ValueError, OSError) as error:
        message = str(error)
    else:
        assert mapped.nbytes <= max(len(content), 1 << 16)
        int(mapped.view(np.uint8).sum())
    finally:
        watching = False
    assert "\n" not in message
    assert len(message) < 1000
    assert not seen


def plain_file(packed: bool) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, images=IMAGES[:2])
    return stream.getvalue()


FILES = (plain_file(False), plain_file(True))
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["put", "cut", "insert", "long"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=500, deadline=None, database=None, derandomize=True)
@given(st.sampled_from(FILES), EDITS)
def test_no_mangled_file_does_anything_but_fail(
    place: Path, content: bytes, edits: list[tuple[str, float, bytes]]
) -> None:
    for kind, where, raw in edits:
        at = int(where * len(content))
        if kind == "cut":
            content = content[:at] + content[at + len(raw) * 8 :]
        elif kind == "insert":
            content = content[:at] + raw + content[at:]
        elif kind == "long":
            content = content[:at] + b"\xff" * len(raw) + content[at + len(raw) :]
        else:
            content = content[:at] + raw + content[at + len(raw) :]
    opens_or_says_why(place, content)


SIGNS = "{ } ( ) [ ] , : - + * ** . 1 2 4 64 1e9 0x7f True False None lambda 1j 4L b'' # \\ ' \""
KEYS = "'descr' 'fortran_order' 'shape' '|u1' '|O' '<f4' '>f8' '<U9' '<M8[s]' '|V3'"
WORDS = st.sampled_from(
    [
        *SIGNS.split(),
        *KEYS.split(),
        *("\n", "\0", "9" * 40, "__import__('os').system('false')", "\N{SNOWMAN}"),
    ]
)
DTYPES = st.sampled_from(
    [
        "'|u1'",
        "'<f4'",
        "'>f8'",
        "'|O'",
        "[('a','|u1')]",
        "('|u1',(2,))",
        "'<U4'",
        "'|V0'",
        "'|S0'",
        "7",
    ]
)
SIZES = st.lists(
    st.one_of(st.integers(-3, 9), st.sampled_from([2**31, 2**63, -(2**63), 10**40])), max_size=6
)
HEADERS = st.one_of(
    st.lists(WORDS, max_size=40).map(" ".join),
    st.text(max_size=60),
    st.builds(
        lambda dtype, order, sizes: (
            f"{{'descr': {dtype}, 'fortran_order': {order}, "
            f"'shape': ({''.join(f'{size},' for size in sizes)}), }}"
        ),
        DTYPES,
        st.sampled_from(["False", "True", "0", "None"]),
        SIZES,
    ),
    st.tuples(st.sampled_from("([{-~"), st.integers(1, 70_000)).map(lambda pair: pair[0] * pair[1]),
)


@settings(max_examples=500, deadline=None, database=None, derandomize=True)
@given(
    HEADERS,
    st.sampled_from([(1, 0), (2, 0), (3, 0), (9, 9)]),
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    st.binary(max_size=24),
    st.booleans(),
)
def test_no_header_does_anything_but_fail(
    place: Path,
    text: str,
    version: tuple[int, int],
    claimed: int | None,
    data: bytes,
    packed: bool,
) -> None:
    body = text.encode("utf-8", "surrogatepass") + b"\n"
    length = len(body) if claimed is None else claimed
    field = struct.pack("<H", length % 65536) if version == (1, 0) else struct.pack("<I", length)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if packed else 0) as archive:
        archive.writestr("images.npy", b"\x93NUMPY" + bytes(version) + field + body + data)
    opens_or_says_why(place, stream.getvalue())
