"""Times DCI against the same with scikit-learn's trees, on codes that look real.

Run `python -m benchmarks.dci` for the complete rival (minutes), with `--stages` and `--factors` for
a part of it, extrapolated, or with `--spread` for scikit-learn's own spread over random states.
"""

import os
import time
from dataclasses import dataclass

import click
import numpy as np
import numpy.typing as npt
from sklearn.ensemble import GradientBoostingClassifier

from submission.console import say
from submission.scoring.metrics.dci import (
    DciScore,
    Trees,
    boosted_importances,
    dci_of_trees,
)

SIZES = (6, 6, 2, 3, 3, 40, 40)
NUM_CODES = 16
NUM_STAGES = 100
NUM_TEST = 5_000
NOISE = 0.2

Codes = npt.NDArray[np.float32]
Factors = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Sample = tuple[Codes, Factors]


def noisy_codes(num: int, sizes: tuple[int, ...]) -> Sample:
    """Draws factors, and codes that each follow one factor with leaks of the others and noise.

    Args:
        num: number n of samples.
        sizes: F factor sizes, each at least 2.

    Returns:
        (n, NUM_CODES) codes between about -2 and 2, and (n, F) factor values.
    """
    generator = np.random.default_rng(0)
    mixing = 0.25 * generator.normal(size=(len(sizes), NUM_CODES))
    mixing[np.arange(NUM_CODES) % len(sizes), np.arange(NUM_CODES)] += 1.0
    factors = np.stack([generator.integers(size, size=num) for size in sizes], axis=1)  # (n, F)
    unit = 2.0 * factors / (np.array(sizes) - 1.0) - 1.0
    codes = 2.0 * np.tanh(unit @ mixing) + NOISE * generator.normal(size=(num, NUM_CODES))
    return codes.astype(np.float32), factors


@dataclass(frozen=True)
class Rival:
    """What scikit-learn found, and how long it took.

    Attributes:
        trees: of the chosen factors; importances of the others are 0.
        seconds: (2,) wall and CPU time.
    """

    trees: Trees
    seconds: Floats


def clocks() -> Floats:
    """Reads the wall clock and the CPU clock of this process, (2,) seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def run_rival(
    train: Sample, test: Sample, factors: list[int], stages: int, random_state: int
) -> Rival:
    """Fits and predicts the chosen factors with scikit-learn, as disentanglement_lib does."""
    importances = np.zeros((NUM_CODES, train[1].shape[1]))
    accuracies = []
    start = clocks()
    for j in factors:
        model = GradientBoostingClassifier(n_estimators=stages, random_state=random_state)
        model.fit(train[0], train[1][:, j])
        importances[:, j] = np.abs(model.feature_importances_)
        accuracies.append([float((model.predict(c) == f[:, j]).mean()) for c, f in (train, test)])
        say(f"  scikit-learn, factors up to {j}: {clocks()[0] - start[0]:.0f} s")
    train_accuracies, test_accuracies = np.array(accuracies).T
    return Rival(Trees(importances, train_accuracies, test_accuracies), clocks() - start)


def run_ours(train: Sample, test: Sample, random_state: int = 0) -> DciScore:
    """Fits and scores all factors with our own trees."""
    rows = [(codes.T, factors.T) for codes, factors in (train, test)]
    return dci_of_trees(boosted_importances(rows[0], rows[1], random_state))


def compare(stages: int, factors: list[int], num_train: int) -> None:
    """Prints the times of both on the same data, their ratio, and the differences of the scores."""
    codes, values = noisy_codes(num_train + NUM_TEST, SIZES)
    train, test = (codes[:num_train], values[:num_train]), (codes[num_train:], values[num_train:])
    say(
        f"{num_train} x {NUM_CODES} codes to train, {NUM_TEST} to test, factor sizes {SIZES},"
        f" {len(os.sched_getaffinity(0))} cores; imports and compilation not timed"
    )
    start = clocks()
    ours = run_ours(train, test)
    seconds = clocks() - start
    say(f"ours          {seconds[0]:7.1f} s wall {seconds[1]:7.1f} s CPU  measured, complete")
    rival = run_rival(train, test, factors, stages, 0)
    num_trees = np.array([1 if size == 2 else size for size in SIZES])
    scale = NUM_STAGES / stages * num_trees.sum() / num_trees[factors].sum()
    complete = stages == NUM_STAGES and set(factors) == set(range(len(SIZES)))
    label = "measured, complete"
    if not complete:
        label = f"EXTRAPOLATED x{scale:.1f} from factors {factors}, {stages} of {NUM_STAGES} stages"
    slow = rival.seconds * scale
    say(f"scikit-learn  {slow[0]:7.1f} s wall {slow[1]:7.1f} s CPU  {label}")
    ratio = slow / seconds
    say(f"ratio         {ratio[0]:7.1f}   wall {ratio[1]:7.1f}   CPU")
    if not complete:
        return
    theirs = dci_of_trees(rival.trees)
    for name in (
        "disentanglement",
        "completeness",
        "informativeness_train",
        "informativeness_test",
    ):
        own, other = getattr(ours, name), getattr(theirs, name)
        say(f"{name:23} ours {own:.6f}  scikit-learn {other:.6f}  difference {own - other:+.1e}")
    difference = np.abs(ours.importances - theirs.importances).max(axis=0)
    say(f"largest difference of an importance per factor: {difference.round(7)}")


def show_spread(num_train: int = 2_000, num_states: int = 5) -> None:
    """Prints the scores that random states give on a smaller set, scikit-learn's and ours."""
    sizes = SIZES[:5]
    codes, values = noisy_codes(2 * num_train, sizes)
    train, test = (codes[:num_train], values[:num_train]), (codes[num_train:], values[num_train:])
    say(f"{num_train} x {NUM_CODES} codes to train, factor sizes {sizes}")
    matrices, scores = [], []
    for state in range(num_states):
        rival = run_rival(train, test, list(range(len(sizes))), NUM_STAGES, state)
        ours = run_ours(train, test, state)
        theirs = dci_of_trees(rival.trees)
        matrices.append(theirs.importances)
        scores.append((theirs.disentanglement, theirs.completeness))
        say(
            f"random state {state}: scikit-learn disentanglement {scores[-1][0]:.6f} completeness"
            f" {scores[-1][1]:.6f}; ours {ours.disentanglement:.6f} {ours.completeness:.6f};"
            f" largest difference {np.abs(ours.importances - matrices[-1]).max():.1e}"
        )
    say(
        f"scikit-learn's spread over its random states: disentanglement, completeness"
        f" {np.ptp(scores, axis=0)}, largest of an importance {np.ptp(matrices, axis=0).max():.1e}"
    )


@click.command()
@click.option("--stages", default=NUM_STAGES, help="boosting stages that scikit-learn runs")
@click.option("--factors", default="0,1,2,3,4,5,6", help="factors that scikit-learn runs")
@click.option("--num-train", default=10_000, help="training samples")
@click.option("--spread", is_flag=True, help="show the spread over random states instead")
def main(stages: int, factors: str, num_train: int, spread: bool) -> None:
    """Times DCI against scikit-learn's trees and compares the scores."""
    codes, values = noisy_codes(200, (2, 3))
    run_ours((codes, values), (codes, values))
    GradientBoostingClassifier(n_estimators=2).fit(codes, values[:, 0])
    if spread:
        show_spread()
    else:
        compare(stages, [int(number) for number in factors.split(",")], num_train)


if __name__ == "__main__":
    main()
