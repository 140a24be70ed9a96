from pathlib import Path

import pytest

from submission.files import replacing, sha256_of, write_json


def test_failure_leaves_what_stood_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_text("before")

    def fail() -> None:
        with replacing(path) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_success_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "result"
    with replacing(path) as beside:
        beside.write_text("after")
        assert not path.exists()
    assert path.read_text() == "after"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "result.bin"
    abandoned, other = tmp_path / ".result.bin.abc.part", tmp_path / ".other.abc.part"
    abandoned.touch()
    other.touch()
    with replacing(path) as first:
        assert not abandoned.exists()
        with replacing(path) as second:
            assert first.exists()
            second.write_text("second")
        first.write_text("first")
    assert path.read_text() == "first"
    assert sorted(tmp_path.iterdir()) == [other, path]


def test_json_refuses_what_is_not_a_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"score": float("nan")})
    assert not (tmp_path / "x.json").exists()


def test_hash_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path).startswith("ba7816bf8f01cfea")  # printf abc | sha256sum
