"""Tables of codes: kept whole, and refused when they belong to something else."""

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import save_file

from submission.errors import InputError
from submission.factors import FactorSpace
from submission.scoring import Source
from submission.scoring.code_table import (
    TOLERANCE,
    CodeTable,
    load_table,
    save_table,
    verify_table,
)

SPACE = FactorSpace(("colour", "angle"), (5, 40))
IMAGES = np.random.RandomState(0).randint(256, size=(200, 64, 64, 3)).astype(np.uint8)
WEIGHTS = np.random.RandomState(1).randn(64 * 64 * 3, 4) / 100


def represent(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    flat = images.reshape(len(images), -1) / 255.0
    return (flat @ WEIGHTS).astype(np.float32)


@pytest.fixture
def table() -> CodeTable:
    return CodeTable(represent(IMAGES), SPACE, Source("patterns", "d" * 64, "m" * 64, "c" * 64))


def test_round_trip(table: CodeTable, tmp_path: Path) -> None:
    save_table(table, tmp_path / "codes.safetensors")
    again = load_table(tmp_path / "codes.safetensors")
    np.testing.assert_array_equal(again.codes, table.codes)
    assert again.codes.dtype == np.float32
    assert again.space == table.space
    assert again.source == table.source


def test_the_file_has_the_permissions_of_any_other(table: CodeTable, tmp_path: Path) -> None:
    save_table(table, tmp_path / "codes.safetensors")
    (tmp_path / "other").touch()
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_the_same_table_has_the_same_bytes(table: CodeTable, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.safetensors" for number in range(8)]
    for path in paths:
        save_table(table, path)
    assert len({path.read_bytes() for path in paths}) == 1


def test_true_table_passes(table: CodeTable) -> None:
    assert verify_table(table, represent, IMAGES, table.source).largest < 1e-4


@pytest.mark.parametrize("name", ["data_name", "data_sha256", "model_sha256", "config_sha256"])
def test_other_hash_is_refused(table: CodeTable, name: str) -> None:
    expected = replace(table.source, **{name: "other"})
    with pytest.raises(ValueError, match=f"{name} other.*--encode"):
        verify_table(table, represent, IMAGES, expected)


def test_codes_of_another_model_are_refused(table: CodeTable) -> None:
    stale = replace(table, codes=(table.codes * 1.1).astype(np.float32))
    with pytest.raises(ValueError, match=rf"{TOLERANCE:g}.*--encode"):
        verify_table(stale, represent, IMAGES, table.source)


def test_codes_in_another_order_are_refused(table: CodeTable) -> None:
    rolled = replace(table, codes=np.roll(table.codes, 1, axis=0))
    with pytest.raises(ValueError, match=rf"{TOLERANCE:g}.*--encode"):
        verify_table(rolled, represent, IMAGES, table.source)


def test_codes_that_became_nan_are_refused(table: CodeTable) -> None:
    broken = replace(table, codes=np.full_like(table.codes, np.nan))
    with pytest.raises(ValueError, match=rf"{TOLERANCE:g}.*--encode"):
        verify_table(broken, represent, IMAGES, table.source)


def test_other_number_of_latents_or_images_is_refused(table: CodeTable) -> None:
    with pytest.raises(ValueError, match="another model"):
        verify_table(table, lambda images: represent(images)[:, :3], IMAGES, table.source)
    with pytest.raises(ValueError, match="expected 200 images"):
        verify_table(table, represent, IMAGES[:100], table.source)


def test_tiny_error_of_half_precision_features_is_allowed(table: CodeTable) -> None:
    noise = np.random.RandomState(0).randn(*table.codes.shape) * 0.002 * table.codes.std()
    near = replace(table, codes=(table.codes + noise).astype(np.float32))
    assert 0.002 < verify_table(near, represent, IMAGES, table.source).largest < TOLERANCE


@pytest.mark.parametrize(("num_off", "passes"), [(9, True), (11, False)])
def test_one_image_in_twenty_may_differ_and_is_reported(
    table: CodeTable, num_off: int, passes: bool
) -> None:
    codes = table.codes.copy()
    codes[:num_off] += np.float32(0.2) * codes.std(axis=0).max()
    near = replace(table, codes=codes)
    if not passes:
        with pytest.raises(ValueError, match=r"0\.2"):
            verify_table(near, represent, IMAGES, table.source)
        return
    found = verify_table(near, represent, IMAGES, table.source)
    assert found.quantile_95 < 1e-4
    assert found.largest == pytest.approx(0.2, rel=0.02)


def test_number_of_codes_must_be_the_product_of_the_sizes(table: CodeTable) -> None:
    with pytest.raises(ValueError, match=r"200 codes .* got 199.*score_samples"):
        replace(table, codes=table.codes[:-1])
    with pytest.raises(ValueError, match="float64"):
        replace(table, codes=table.codes.astype(np.float64))


def test_other_files_are_refused(table: CodeTable, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train first"):
        load_table(tmp_path / "absent")
    save_file({"codes": table.codes}, tmp_path / "other", {"format": "weights"})
    with pytest.raises(ValueError, match="another file"):
        load_table(tmp_path / "other")


def test_a_damaged_table_is_refused_whatever_byte_is_another(
    table: CodeTable, tmp_path: Path
) -> None:
    path = tmp_path / "codes.safetensors"
    save_table(table, path)
    whole = path.read_bytes()
    damaged = [whole[: len(whole) // 2]]
    for place in [*range(8, len(whole) - table.codes.nbytes), len(whole) - 2]:
        damaged.append(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
    for content in damaged:
        path.write_bytes(content)
        if (found := loaded(path)) is not None:  # a hash or a name is another
            np.testing.assert_array_equal(found.codes, table.codes)
            assert found.space.sizes == table.space.sizes
            assert (found.source, found.space.names) != (table.source, table.space.names)


def loaded(path: Path) -> CodeTable | None:
    """Loads a table; None if it is refused in a line that names the file and the way out."""
    with contextlib.suppress(InputError):
        return load_table(path)
    with pytest.raises(InputError, match=rf"{path.name}.*--encode"):
        load_table(path)
    return None
