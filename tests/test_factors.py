import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from submission.factors import FactorSpace

sizes = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def space_of(values: list[int]) -> FactorSpace:
    return FactorSpace(tuple(f"f{i}" for i in range(len(values))), tuple(values))


@given(sizes)
def test_index_and_factors_are_inverse(values: list[int]) -> None:
    space = space_of(values)
    index = np.arange(space.num_points)
    factors = space.index_to_factors(index)
    assert (space.factors_to_index(factors) == index).all()


@given(sizes)
def test_numbering_is_row_major(values: list[int]) -> None:
    space = space_of(values)
    expected = np.indices(values).reshape(len(values), -1).T
    assert (space.index_to_factors(np.arange(space.num_points)) == expected).all()


def test_refuses_what_is_outside_the_grid() -> None:
    space = space_of([2, 3])
    with pytest.raises(ValueError, match="expected indices from 0 to 5"):
        space.index_to_factors([6])
    with pytest.raises(ValueError, match="expected factor values"):
        space.factors_to_index([[0, 3]])
    with pytest.raises(ValueError, match="shape"):
        space.factors_to_index([[0, 1, 2]])


@pytest.mark.parametrize(
    ("names", "sizes"), [(("a",), (1, 2)), (("a", "a"), (1, 2)), (("a",), (0,))]
)
def test_refuses_an_impossible_grid(names: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        FactorSpace(names, sizes)
