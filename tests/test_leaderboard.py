"""The challenge's rule: mean of per-metric ranks, ties share."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from submission.errors import InputError
from submission.scoring.leaderboard import POOL, Entry, load_pool, standings
from submission.scoring.metrics.catalogue import ALL_METRICS


def entry(name: str, *scores: float) -> Entry:
    return Entry(name, dict(zip(ALL_METRICS, scores, strict=True)))


def test_hand_computed_order() -> None:
    ordered = standings(
        [
            entry("a", 0.9, 0.5, 0.2, 0.5, 0.3),  # ranks 1 2 2 3 1: 1.8
            entry("b", 0.8, 0.6, 0.2, 0.6, 0.2),  # ranks 2 1 2 2 3: 2.0
            entry("c", 0.7, 0.4, 0.3, 0.7, 0.3),  # ranks 3 3 1 1 1: 1.8
        ]
    )
    assert [(s.entry.name, s.place, s.mean_rank) for s in ordered] == [
        ("a", 1, 1.8),
        ("c", 1, 1.8),
        ("b", 3, 2.0),
    ]
    assert list(ordered[0].ranks.values()) == [1, 2, 2, 3, 1]


def test_scores_equal_to_three_decimals_tie() -> None:
    ordered = standings([entry("a", *[0.9921] * 5), entry("b", *[0.992] * 5)])
    assert [s.mean_rank for s in ordered] == [1, 1]
    apart = standings([entry("a", *[0.9926] * 5), entry("b", *[0.992] * 5)])
    assert [s.mean_rank for s in apart] == [1, 2]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=6))
def test_ranks_obey_the_rule(scores: list[list[int]]) -> None:
    ordered = standings([entry(str(i), *row) for i, row in enumerate(scores)])
    assert ordered[0].place == 1
    assert [s.mean_rank for s in ordered] == sorted(s.mean_rank for s in ordered)
    for column, metric in enumerate(ALL_METRICS):
        for standing in ordered:
            mine = scores[int(standing.entry.name)][column]
            better = sum(row[column] > mine for row in scores)
            assert standing.ranks[metric] == 1 + better


def test_pool_ships_with_the_papers_rows() -> None:
    pool = load_pool()
    assert [e.name for e in pool if e.kind == "entry"] == ["paper, stage 2", "paper, stage 1"]
    assert sum(pool[0].scores.values()) == pytest.approx(2.868)
    assert sum(pool[1].scores.values()) == pytest.approx(2.400)
    # The paper's normalised scores are these over the best of the board.
    shares = [pool[0].scores[metric] / pool[2].scores[metric] for metric in ALL_METRICS]
    assert shares == pytest.approx([1, 1, 0.949, 0.627, 0.786], abs=1e-3)


def test_bounds_take_no_rank() -> None:
    names = [standing.entry.name for standing in standings(load_pool())]
    assert names == ["paper, stage 2", "paper, stage 1"]


def test_entry_without_a_metric_is_refused() -> None:
    with pytest.raises(ValueError, match=r"for half, got no \['sap'"):
        standings([Entry("half", {"factor_vae": 1.0, "dci": 1.0})])


def test_broken_pools_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_pool(tmp_path / "absent.csv")
    broken = tmp_path / "pool.csv"
    broken.write_text("name,score\nx,1\n")
    with pytest.raises(ValueError, match="expected the columns"):
        load_pool(broken)
    broken.write_text(POOL.read_text().replace("0.809", "much"))
    with pytest.raises(ValueError, match="five numbers"):
        load_pool(broken)
    broken.write_text(POOL.read_text().replace(",bound,", ",bond,"))
    with pytest.raises(InputError, match=r"entry or bound.*got 'bond'"):
        load_pool(broken)
    broken.write_bytes(POOL.read_bytes().replace(b"paper", b"papi\xe9r"))
    with pytest.raises(InputError, match=r"UTF-8 at .*pool\.csv.*save it"):
        load_pool(broken)
    broken.write_text(POOL.read_text().replace("0.809", "80.9"))
    with pytest.raises(ValueError, match="from 0 to 1"):
        load_pool(broken)
