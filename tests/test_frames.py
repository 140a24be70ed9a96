"""Scores and codes as pandas frames."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from submission.errors import InputError
from submission.scoring import score_samples
from submission.scoring.code_files import read_codes
from submission.scoring.frames import codes_frame, scores_frame
from submission.scoring.metrics.catalogue import ALL_METRICS

FACTORS = np.random.default_rng(0).integers(3, size=(600, 2))
CODES = FACTORS + np.random.default_rng(1).normal(scale=0.3, size=(600, 2))


def test_a_frame_has_each_score_of_each_seed() -> None:
    results = {
        name: [score_samples(codes, FACTORS, seed=seed, metrics=("irs", "mig")) for seed in (0, 1)]
        for name, codes in (("noisy", CODES), ("exact", FACTORS * 1.0))
    }
    frame = scores_frame(results)
    assert tuple(frame.columns) == ALL_METRICS
    assert len(frame) == 4
    for name, runs in results.items():
        for scores in runs:
            assert frame.loc[(name, scores.seed)].dropna().to_dict() == scores.values()
    means = frame.groupby("name").mean()
    expected = np.mean([scores.values()["irs"] for scores in results["noisy"]])
    assert means.loc["noisy", "irs"] == pytest.approx(expected)
    assert scores_frame({}).empty


def test_a_frame_of_codes_is_a_file_that_is_scored(tmp_path: Path) -> None:
    codes_frame(CODES, FACTORS, ["shape", "size"]).to_csv(tmp_path / "codes.csv", index=False)
    found = read_codes(tmp_path / "codes.csv")
    assert found.names == ("shape", "size")
    assert found.factors is not None
    np.testing.assert_array_equal(found.codes, CODES)
    np.testing.assert_array_equal(found.factors, FACTORS)


@pytest.mark.parametrize(
    ("codes", "names"), [(CODES[:5], ["a", "b"]), (CODES[:, 0], ["a", "b"]), (CODES, ["a"])]
)
def test_rows_and_names_that_do_not_fit_are_refused(
    codes: npt.NDArray[np.float64], names: list[str]
) -> None:
    with pytest.raises(InputError, match=r"\(600, 2\).*a row for each image"):
        codes_frame(codes, FACTORS, names)
