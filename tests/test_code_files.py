"""Codes and factors are read from every kind of file, and a bad cell is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from submission.errors import InputError
from submission.scoring.code_files import read_codes
from tests.code_files import CODES, FACTORS, write_npz

Write = Callable[[Path, Any, Any], Path]


def write_safetensors(folder: Path, codes: Any, factors: Any) -> Path:
    path = folder / "codes.safetensors"
    save_file({"z": np.ascontiguousarray(codes), "labels": np.ascontiguousarray(factors)}, path)
    return path


def write_csv(folder: Path, codes: Any, factors: Any) -> Path:
    path = folder / "codes.csv"
    lines = [",".join([*(f"z{c}" for c in range(codes.shape[1])), "factor:size", "factor:shape"])]
    for code, values in zip(codes.tolist(), factors.tolist(), strict=True):
        lines.append(",".join(map(repr, [*code, *values])))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("write", [write_npz, write_safetensors, write_csv])
def test_a_file_gives_back_its_codes_and_factors(tmp_path: Path, write: Write) -> None:
    found = read_codes(write(tmp_path, CODES, FACTORS))
    np.testing.assert_array_equal(found.codes, CODES)
    assert found.factors is not None
    np.testing.assert_array_equal(found.factors, FACTORS)
    assert len(found.names) == 2


@pytest.mark.parametrize("write", [write_npz, write_safetensors, write_csv])
def test_factors_may_lie_in_a_second_file(tmp_path: Path, write: Write) -> None:
    np.save(tmp_path / "codes.npy", CODES)
    second = write(tmp_path, CODES, FACTORS)
    found = read_codes(tmp_path / "codes.npy", second, ["size", "shape"])
    assert found.factors is not None
    np.testing.assert_array_equal(found.factors, FACTORS)
    assert found.names == ("size", "shape")


def test_a_second_file_may_be_all_factors(tmp_path: Path) -> None:
    np.save(tmp_path / "codes.npy", CODES)
    np.save(tmp_path / "factors.npy", FACTORS)
    lines = [f"{'ab'[size % 2]}{size},{shape}" for size, shape in FACTORS]
    (tmp_path / "factors.csv").write_text("size,shape\n" + "\n".join(lines))
    for name, names in (("npy", ("factor 0", "factor 1")), ("csv", ("size", "shape"))):
        found = read_codes(tmp_path / "codes.npy", tmp_path / f"factors.{name}")
        assert found.names == names
        assert found.factors is not None
        assert len(np.unique(found.factors[:, 0])) == 3
        np.testing.assert_array_equal(found.factors[:, 1], FACTORS[:, 1])


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("int8", "float64")],
)
def test_codes_of_every_precision_keep_their_values(tmp_path: Path, kind: str, kept: str) -> None:
    codes = CODES.astype(kind)
    found = read_codes(write_npz(tmp_path, codes, FACTORS))
    assert found.codes.dtype == kept
    np.testing.assert_array_equal(found.codes, codes)


def with_value(value: float) -> Any:
    codes = CODES.copy()
    codes[17, 1] = value
    return codes


def with_factor(value: float) -> Any:
    factors = FACTORS.astype(np.float64)
    factors[17, 1] = value
    return factors


@pytest.mark.parametrize("write", [write_npz, write_safetensors, write_csv])
@pytest.mark.parametrize(
    ("codes", "factors", "got"),
    [
        (with_value(np.nan), FACTORS, "nan"),
        (with_value(-np.inf), FACTORS, "-inf"),
        (with_value(1e30), FACTORS, r"1(\.\d+)?e\+30"),
        (CODES, with_factor(-1), r"-1\.0"),
        (CODES, with_factor(0.5), r"0\.5"),
        (CODES, with_factor(np.nan), "nan"),
    ],
    ids=["NaN", "infinite", "huge", "negative factor", "fractional factor", "no factor"],
)
def test_a_bad_cell_is_named(
    tmp_path: Path, write: Write, codes: Any, factors: Any, got: str
) -> None:
    path = write(tmp_path, codes, factors)
    place = f"row 17, column 1 of .*{path} \\(counted from 0\\)"
    if write is write_csv:
        name = r"4 \(factor:shape\)" if codes is CODES else r"2 \(z1\)"
        place = f"line 19, column {name} of {path}"
    with pytest.raises(InputError, match=f"got {got} in {place}"):
        read_codes(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("z0,z1\n1,2\n3,four\n", r"'four' in line 3, column 2 \(z1\).*leave the row out"),
        ("z0,z1\n1,2\n3,NA\n", r"'NA' in line 3, column 2 \(z1\)"),
        ("z0,z1\n1,2\n3,\n", r"line 3, column 2 \(z1\) is empty"),
        ("z0,z1\r\n1,2\r\n ,4\r\n", r"line 3, column 1 \(z0\) is empty"),
        ('z0,z1\n1,2\n3,""\n', r"line 3, column 2 \(z1\) is empty"),
        ("\ufeffz0,z1\n1,2\n3,\n", r"line 3, column 2 \(z1\) is empty"),
        ("\nz0,z1\n1,2\n\n3,\n", r"line 5, column 2 \(z1\) is empty"),
        ("z0,z1\n1,2\n  \n3,inf\n", r"inf in line 4, column 2 \(z1\)"),
        ("1.5,2\n3,\n", "line 2, column 2 is empty"),
        ("z0,factor:colour\n1,red\n2,\n", r"line 3, column 2 \(factor:colour\) is empty"),
        ("z0,z1\n1,2\n3,4,5\n", "first, 2, got 3 in line 3; write numbers with a point"),
        ("z0,z1\n0,5,0,5\n", "first, 2, got 4 in line 2; write numbers with a point"),
        ("z0,z1\n1,2\n3,4,\n", "first, 2, got 3 in line 3; delete the comma at its end"),
        ("z0,z1\n1,2\n3\n", "first, 2, got 1 in line 3; put commas"),
        ("z0,z1\n1;2\n3;4\n", "first, 2, got 1 in line 2; put commas"),
        ('z0,z1\n1,2\n3,"4\n5,6\n', "quotation marks .* in line 3"),
        ('z0,z1\n1,"2\n3,4\n', "quotation marks .* in line 2"),
        ("made by x\nz0,z1\n1,2\n", "first, 1, got 2 in line 2; begin the file"),
        ('z0,z1\n1,"0,5"\n', r"'0,5' in line 2, column 2 \(z1\).*with a point"),
        ("z0 z1\n1 2\n", r"'1 2' in line 2, column 1 \(z0 z1\).*put commas"),
        ("z0,z0\n1,2\n", "'z0' in columns 1 and 2"),
        ("z0,\n1,\n", "none for column 2.*comma at the end"),
        (",z0\n0,2\n1,4\n", "index=False"),
        ("0,1\n2,2\n3,4\n", "first line of .* 0,1, .* add a first line"),
        ("z0,z1\n", "names only"),
        ("", "codes.csv"),
        ("z0,factor:size\n1,2\n3,large\n", r"'large' in line 3, column 2 \(factor:size\)"),
        ("factor:size\n1\n", "factors only"),
        ("z0,factor:size,factor: size\n1,2,3\n", "different name for each factor.*'factor: size'"),
        ("z0,factor:\n1,2\n", "different name for each factor.*'factor:'"),
        ("z0,z1\n1,2\n3,\0004\n", "zero byte"),
        ("z0,z1\n1,1_0\n", r"'1_0' in line 2, column 2 \(z1\)"),
        ("z0;z1\n1;2\n", "commas.*';'"),
        ("z0\tz1\n1\t2\n", "commas"),
    ],
)
def test_a_bad_csv_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "codes.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_codes(path)
    assert str(path) in str(caught.value)


def test_a_csv_file_without_names_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("0.5,1\n2,3\n")
    assert read_codes(path).codes.tolist() == [[0.5, 1.0], [2.0, 3.0]]


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_bytes("z0,factor:a\n1,rot\n2,grün\n".encode("latin1"))
    with pytest.raises(InputError, match=r"codes\.csv, got the byte 0xfc in line 3; .*UTF-8"):
        read_codes(tmp_path / "codes.csv")


def test_names_that_numpy_wrote_are_names(tmp_path: Path) -> None:
    """np.savetxt puts "# " before its header."""
    header = "factor:size,z0"
    np.savetxt(tmp_path / "codes.csv", [[0, 0.5], [1, 0.25]], "%g", delimiter=",", header=header)
    found = read_codes(tmp_path / "codes.csv")
    assert found.names == ("size",)
    assert found.codes.tolist() == [[0.5], [0.25]]


def test_words_with_lines_below_are_values_and_not_numbers(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("z0,factor:kind\n1,1_11\n2,11_1\n3,1_11\n")
    factors = read_codes(tmp_path / "codes.csv").factors
    assert factors is not None
    assert len(np.unique(factors)) == 2


def test_arrays_that_are_no_codes_are_not_read(tmp_path: Path) -> None:
    other = np.array({"a": 1}, dtype=object)
    np.savez(tmp_path / "codes.npz", codes=CODES, factors=FACTORS, other=other)
    np.testing.assert_array_equal(read_codes(tmp_path / "codes.npz").codes, CODES)


def test_names_in_bytes_are_read_as_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "codes.npz", codes=CODES, factors=FACTORS, factor_names=[b"a", b"b"])
    assert read_codes(tmp_path / "codes.npz").names == ("a", "b")


def test_codes_that_change_while_they_are_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_npz(tmp_path, CODES, FACTORS)
    load = np.load

    def loading(*words: Any, **options: Any) -> Any:
        write_npz(tmp_path, CODES + 1, FACTORS)
        return load(*words, **options)

    monkeypatch.setattr(np, "load", loading)
    with pytest.raises(InputError, match=f"{path} changed"):
        read_codes(path)
