"""The search for the best split of a tree's node in lists of samples sorted once, compiled.

It finds what scikit-learn's depth-first tree builder finds at its defaults, bit for bit: gains are
compared in the order in which that builder draws the features, so that of two equal gains the same
one wins, and every sum that decides runs in its order. Vectorised bounds spare most of the exact
evaluations.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from submission.scoring.arrays import Floats, IntArray, Samples, Singles

__all__ = [
    "BLOCK",
    "FEATURE_THRESHOLD",
    "NUM_LANES",
    "FeatureOrder",
    "Node",
    "Room",
    "draw_features",
    "reciprocal_table",
    "search",
]

# Neighbours no further apart count as equal, in single precision as in scikit-learn.
FEATURE_THRESHOLD = np.float32(1e-7)
# Positions that share one bound.
BLOCK = 256
# Running sums of so many features advance together: one alone waits for each addition.
NUM_LANES = 4
# A gain by reciprocals is off by a few units in the last place, 2e-16 each.
MARGIN = 1e-14


class Node(NamedTuple):
    """A tree's node: part of the sorted lists of samples.

    Attributes:
        values: (C, n) features.
        order: (C, n) samples, each row from a to below b sorted by that feature.
        a: first place of the node.
        b: one past its last place.
    """

    values: Singles
    order: Samples
    a: int
    b: int


class FeatureOrder(NamedTuple):
    """What one tree carries from node to node to draw the order of the features.

    Attributes:
        state: (1,) state of the generator.
        features: (C,) permutation of the features.
        constants: (C,) features found constant on the way from the root.
        visited: (C,) features to try in this node, in order.
    """

    state: IntArray
    features: IntArray
    constants: IntArray
    visited: IntArray


class Room(NamedTuple):
    """Memory that the search writes to.

    Attributes:
        sums: (NUM_LANES, n) running sums.
        bounds: (ceil(n / BLOCK),) bounds.
    """

    sums: Floats
    bounds: Floats


@njit(nogil=True)
def _draw(state: IntArray, low: int, high: int) -> int:
    """Draws an integer from low to below high with the 32-bit xorshift generator (13, 17, 5)."""
    word = state[0]
    if word == 0:
        word = 1
    word ^= (word << 13) & 0xFFFFFFFF
    word ^= word >> 17
    word ^= (word << 5) & 0xFFFFFFFF
    state[0] = word
    drawn: int = low + (word & 0x7FFFFFFF) % (high - low)
    return drawn


@njit(nogil=True)
def draw_features(node: Node, carried: FeatureOrder, num_known: int) -> tuple[int, int, int]:
    """Draws the order in which a node tries the features, without those constant in it.

    The draws, and the places of the drawn features in the permutation, are scikit-learn's for the
    same seed.

    Args:
        node: the node.
        carried: changed in place; `visited` receives the features to try, `constants` those of
            this node after those known.
        num_known: number of features known to be constant above the node.

    Returns:
        the number of features to try, the feature looked at last of those not all equal (or -1),
        the number of known constant features.
    """
    values, order, a, b = node
    state, features, constants, visited = carried
    num_features = features.size
    num_visited, num_found, num_drawn, last = 0, 0, 0, -1
    remaining = num_features
    while remaining > num_known + num_found:
        place = _draw(state, num_drawn, remaining - num_found)
        if place < num_known:
            features[num_drawn], features[place] = features[place], features[num_drawn]
            num_drawn += 1
            continue
        place += num_found
        feature = features[place]
        lowest, highest = values[feature, order[feature, a]], values[feature, order[feature, b - 1]]
        if lowest < highest:
            last = feature
        if highest <= lowest + FEATURE_THRESHOLD:
            target = num_known + num_found
            num_found += 1
        else:
            remaining -= 1
            target = remaining
            visited[num_visited] = feature
            num_visited += 1
        features[place], features[target] = features[target], features[place]
    for i in range(num_known):
        features[i] = constants[i]
    for i in range(num_known, num_known + num_found):
        constants[i] = features[i]
    return num_visited, last, num_known + num_found


def reciprocal_table(num: int) -> Floats:
    """Tabulates 1 / k for k in 1..num, rising and falling.

    Returns:
        (2 num + 1,) table with 1 / k at num + k and at num - k, so that the reciprocals of both
        children's sizes lie in the order of the positions.
    """
    reciprocals = 1.0 / np.arange(1, num + 1)
    return np.concatenate([reciprocals[::-1], [0.0], reciprocals])


@njit(nogil=True)
def _running_sums(
    first: Samples,
    second: Samples,
    third: Samples,
    fourth: Samples,
    target: Floats,
    sums: Floats,
) -> None:
    """Fills sums (4, at least m) with the running sums of target along four lists of m samples."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for i in range(first.size):
        s0 += target[first[i]]
        s1 += target[second[i]]
        s2 += target[third[i]]
        s3 += target[fourth[i]]
        sums[0, i] = s0
        sums[1, i] = s1
        sums[2, i] = s2
        sums[3, i] = s3


# Without NaN and signed zeros the maximum vectorises; the sums' order stays as written.
@njit(nogil=True, fastmath={"nnan", "nsz"})
def _highest_gain(sums: Floats, total: float, left_weight: Floats, right_weight: Floats) -> float:
    """Bounds the gains of a block of positions, up to the margin."""
    highest = 0.0
    for i in range(sums.size):
        left = sums[i]
        right = total - left
        gain = left * left * left_weight[i] + right * right * right_weight[i]
        if gain > highest:
            highest = gain
    return highest


@njit(nogil=True)
def _gain(sums: Floats, total: float, i: int, num: int) -> float:
    """Computes the sum of squares that the children's means explain, split behind position i."""
    left = sums[i]
    right = total - left
    gain: float = left * left / (i + 1) + right * right / (num - i - 1)
    return gain


@njit(nogil=True)
def _best_position(
    column: Singles,
    samples: Samples,
    sums: Floats,
    total: float,
    reciprocals: Floats,
    bounds: Floats,
    best: float,
) -> tuple[float, int]:
    """Finds the first position of the highest gain above `best`; (best, -1) where none is."""
    num = samples.size
    left_start = reciprocals.size // 2 + 1
    right_start = reciprocals.size // 2 + 1 - num
    highest = 0.0
    for start in range(0, num - 1, BLOCK):
        stop = min(start + BLOCK, num - 1)
        bound = _highest_gain(
            sums[start:stop],
            total,
            reciprocals[left_start + start : left_start + stop],
            reciprocals[right_start + start : right_start + stop],
        )
        bounds[start // BLOCK] = bound
        highest = max(highest, bound)
    position = -1
    if highest * (1.0 + MARGIN) <= best:
        return best, position
    # Blocks below the highest bound matter only if no position near it separates two values.
    for reach in (highest * (1.0 - MARGIN), -1.0):
        separated = False
        for start in range(0, num - 1, BLOCK):
            if bounds[start // BLOCK] < reach:
                continue
            for i in range(start, min(start + BLOCK, num - 1)):
                gain = _gain(sums, total, i, num)
                if gain < reach or column[samples[i + 1]] <= column[samples[i]] + FEATURE_THRESHOLD:
                    continue
                separated = True
                if gain > best:
                    best = gain
                    position = i
        if separated:
            break
    return best, position


@njit(nogil=True)
def search(
    node: Node,
    target: Floats,
    total: float,
    visited: IntArray,
    reciprocals: Floats,
    room: Room,
) -> tuple[int, int]:
    """Finds the split of a node that explains most of the squares of the target.

    Args:
        node: the node.
        target: (n,) numbers to explain.
        total: their sum over the node.
        visited: features to try, in order, at least one.
        reciprocals: (2 n + 1,) `reciprocal_table`.
        room: memory to write to.

    Returns:
        the feature and the number of samples to its left less 1, or (-1, -1) where nothing can be
        split.
    """
    values, order, a, b = node
    sums, bounds = room
    num_visited = visited.size
    feature, position, best = -1, -1, -np.inf
    for first in range(0, num_visited, NUM_LANES):
        end = num_visited - 1
        _running_sums(
            order[visited[first], a:b],
            order[visited[min(first + 1, end)], a:b],
            order[visited[min(first + 2, end)], a:b],
            order[visited[min(first + 3, end)], a:b],
            target,
            sums,
        )
        for lane in range(min(NUM_LANES, num_visited - first)):
            candidate = visited[first + lane]
            best, found = _best_position(
                values[candidate],
                order[candidate, a:b],
                sums[lane, : b - a],
                total,
                reciprocals,
                bounds,
                best,
            )
            if found >= 0:
                feature, position = candidate, found
    return feature, position
