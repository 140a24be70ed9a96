"""Several seeds and entries, reference rows, and the tables they end in."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from submission.factors import FactorSpace
from submission.scoring import ALL_METRICS, Scores, Settings, Source, score_table
from submission.scoring.aggregate import aggregate
from submission.scoring.leaderboard import load_pool, standings
from submission.scoring.reference import CODE_RANGE, perfect_codes
from submission.scoring.settings import (
    MigSettings,
)
from submission.scoring.text_tables import (
    IRS_NOTE,
    OTHER_IMAGES,
    Row,
    csv_table,
    describe,
    factor_table,
    json_table,
    row_of_spreads,
    standings_table,
    text_table,
)
from tests.few_rows import SETTINGS
from tests.few_rows import THREE_FACTORS as SPACE

QUICK = Settings(mig=MigSettings(20))


@pytest.fixture(scope="module")
def perfect() -> Scores:
    return score_table(perfect_codes(SPACE), SPACE, settings=SETTINGS)


def scored(mig: float, seed: int = 0) -> Scores:
    """Scores with a MIG that is made up."""
    template = score_table(perfect_codes(SPACE), SPACE, seed, ("mig",), QUICK)
    assert template.mig is not None
    return replace(template, mig=replace(template.mig, mig=mig))


def test_mean_and_spread_over_trainings_and_seeds() -> None:
    trainings = [
        [scored(0.1, 0), scored(0.3, 1)],
        [scored(0.5, 0), scored(0.7, 1)],
        [scored(0.9, 0), scored(1.1, 1)],
    ]
    spread = aggregate(trainings)["mig"]
    assert spread.mean == pytest.approx(0.6)
    assert spread.std == pytest.approx(0.4)
    assert (spread.low, spread.high) == pytest.approx((0.2, 1.0))


def test_spread_of_one_training_is_that_of_its_evaluations() -> None:
    spread = aggregate([[scored(0.1, 0), scored(0.3, 1)]])["mig"]
    assert spread.std == pytest.approx(0.02**0.5)
    assert (spread.low, spread.high) == (0.1, 0.3)
    assert aggregate([[scored(0.1)]])["mig"].std is None


def test_what_cannot_be_averaged_is_refused() -> None:
    one = scored(0.1)
    with pytest.raises(ValueError, match="at least one"):
        aggregate([[one], []])
    with pytest.raises(ValueError, match="distinct evaluation seeds"):
        aggregate([[one, one]])
    with pytest.raises(ValueError, match="same factor_sizes"):
        aggregate([[one], [replace(one, factor_sizes=(3, 2, 12))]])
    with pytest.raises(ValueError, match="same settings"):
        aggregate([[one], [replace(one, settings=Settings())]])
    with pytest.raises(ValueError, match=r"same metrics.*with seed 0.*--seed"):
        aggregate([[one], [replace(one, mig=None)]])
    with pytest.raises(ValueError, match="same data"):
        aggregate([[one], [replace(one, source=Source("toy", "d", "m", "c"))]])


def test_perfect_code_is_centred_one_latent_a_factor() -> None:
    codes = perfect_codes(FactorSpace(("a", "light", "b"), (3, 1, 40)))
    assert codes.shape == (120, 3)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(np.ptp(codes, axis=0), [CODE_RANGE, 0, CODE_RANGE], rtol=1e-6)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-6)
    noisy = perfect_codes(SPACE, noise=0.1)
    assert (noisy - perfect_codes(SPACE)).std() == pytest.approx(0.1, rel=0.1)


def test_perfect_code_scores_perfectly_where_a_metric_can(perfect: Scores) -> None:
    values = perfect.values()
    assert values["factor_vae"] == 1.0
    assert values["dci"] == pytest.approx(1.0, abs=1e-3)
    assert values["irs"] > 0.9
    assert 0.2 < values["sap"] < 0.7


def test_perfect_code_at_the_challenges_sizes_is_the_known_row() -> None:
    # Known from disentanglement_lib run on the same codes: SAP .408, IRS .992, MIG .942.
    sizes = (6, 6, 2, 3, 3, 40, 40)
    space = FactorSpace(tuple("abcdefg"), sizes)
    values = score_table(perfect_codes(space), space, metrics=("sap", "irs", "mig")).values()
    assert values == pytest.approx({"sap": 0.408, "irs": 0.992, "mig": 0.942}, abs=5e-4)


def test_text_is_aligned_with_three_decimals_and_the_note_on_irs() -> None:
    rows = [
        Row("ours", {"factor_vae": 0.9915, "irs": 0.5}, {"factor_vae": 0.0021}),
        Row("a longer name", {"factor_vae": 1.0}),
    ]
    assert text_table(rows) == (
        "               FactorVAE      IRS\n"
        "ours           0.992 ± 0.002  0.500\n"
        "a longer name  1.000          -\n"
        f"- {IRS_NOTE}\n"
    )
    assert IRS_NOTE not in text_table([Row("ours", {"mig": 0.1})])
    with pytest.raises(ValueError, match="at least one row"):
        text_table([])


def test_json_and_csv_keep_full_precision() -> None:
    rows = [Row("ours, best", {"dci": 1 / 3, "mig": 0.25}, {"mig": 0.125}), Row("x", {"mig": 1.0})]
    assert json.loads(json.dumps(json_table(rows))) == [
        {
            "name": "ours, best",
            "dci": {"mean": 1 / 3, "std": None},
            "mig": {"mean": 0.25, "std": 0.125},
        },
        {"name": "x", "mig": {"mean": 1.0, "std": None}},
    ]
    first, second = csv.DictReader(io.StringIO(csv_table(rows)))
    assert float(first["dci"]) == 1 / 3
    assert first == {
        "name": "ours, best",
        "dci": first["dci"],
        "dci_std": "",
        "mig": "0.25",
        "mig_std": "0.125",
    }
    assert second["dci"] == ""


def test_rows_of_every_kind_share_a_table(perfect: Scores) -> None:
    spreads = aggregate([[scored(0.1)], [scored(0.3)]])
    pool = load_pool()
    rows = [Row("perfect", perfect.values()), row_of_spreads("ours", spreads)]
    text = text_table([*rows, *(Row(entry.name, entry.scores) for entry in pool)])
    assert "paper, stage 2                 0.992" in text
    assert "0.200 ± 0.141" in text
    assert len({line.index("0.") for line in text.splitlines() if line.startswith("paper")}) == 1


def test_factor_table_names_each_factors_latent(perfect: Scores) -> None:
    lines = factor_table(perfect).splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["colour", "4", "0"],
        ["size", "2", "1"],
        ["angle", "9", "2"],
    ]
    assert "completeness" in lines[0]
    assert "trees" not in factor_table(replace(perfect, dci=None))


def test_description_says_what_was_scored() -> None:
    scores = score_table(perfect_codes(SPACE), SPACE, metrics=("mig",), settings=SETTINGS)
    text = describe(replace(scores, source=Source("toy", "d" * 64, "m" * 64, "c" * 64)))
    for piece in ("toy (dddddddddddd)", "72 codes", "sizes 4,2,9", "3 of 3 latents", "numpy"):
        assert piece in text
    assert "from -1.70 to 1.70" in text


def test_standings_print() -> None:
    text = standings_table(standings(load_pool()))
    first = text.splitlines()[1]
    assert " ".join(first.split()) == "1 paper, stage 2 1 1 1 2 1 1.2"
    assert all(metric in ALL_METRICS for metric in load_pool()[0].scores)


def test_a_number_that_rounds_to_zero_has_no_sign(perfect: Scores) -> None:
    assert perfect.mig is not None
    tiny = np.full(3, -1e-5)
    latents = replace(perfect.mig.latents, minimum=tiny, low=tiny, high=tiny, maximum=tiny)
    mig = replace(perfect.mig, gap_per_factor=tiny, latents=latents)
    scores = replace(perfect, mig=mig)
    for text in (
        factor_table(scores),
        describe(scores),
        text_table([Row("ours", {"irs": -1e-5}, {"irs": 1e-5})]),
    ):
        assert "0.00" in text
        assert "-0.0" not in text


def test_a_note_stands_beside_its_row() -> None:
    rows = [Row("ours", {"mig": 0.5}), Row("theirs", {"mig": 0.25}, note=OTHER_IMAGES)]
    assert text_table(rows).splitlines() == [
        "        MIG",
        "ours    0.500",
        "theirs  0.250  other images, not comparable",
    ]


def test_no_latent_is_the_best_where_none_tells_anything() -> None:
    codes = np.full((SPACE.num_points, 3), 0.3, np.float32)
    constant = score_table(codes, SPACE, metrics=("mig",), settings=SETTINGS)
    lines = factor_table(constant).splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["colour", "4", "none", "0.000"],
        ["size", "2", "none", "0.000"],
        ["angle", "9", "none", "0.000"],
    ]
    assert lines[-1] == "- none: no latent tells anything of the factor"
