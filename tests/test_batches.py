import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Barrier, Event

import numpy as np
import pytest
import torch

from submission.training.augmentation import augment
from submission.training.batches import (
    LabelledImages,
    epoch_batches,
    read_images,
    split_indices,
    to_unit_range,
)
from submission.training.prefetch import prefetched
from submission.training.transfer import brought_to_cpu
from tests.image_sets import random_set


def test_an_item_is_a_pure_function_of_its_index() -> None:
    sets = [random_set(seed=0), random_set(seed=1)]
    images = LabelledImages(sets)
    order = np.random.default_rng(0).permutation(len(images))
    pixels, factors = images.take(order)
    for row, index in enumerate(order):
        number, local = divmod(int(index), 24)
        assert (pixels[row].numpy() == sets[number].images[local]).all()
        assert (factors[row].numpy() == sets[0].space.index_to_factors([local])[0]).all()


def test_values_that_a_set_does_not_know_are_below_zero() -> None:
    known = random_set(seed=0)
    name = known.space.names[1]
    images = LabelledImages([known, replace(known, unknown=(name,))])
    size = len(known.images)
    _, factors = images.take(np.arange(2 * size))
    assert (factors[:size] == torch.from_numpy(known.space.index_to_factors(np.arange(size)))).all()
    assert (factors[size:, 1] == -1).all()
    assert (np.delete(factors[size:], 1, axis=1) == np.delete(factors[:size], 1, axis=1)).all()


def test_sets_of_different_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="use sets of one grid"):
        LabelledImages([random_set((2, 3)), random_set((3, 2))])
    with pytest.raises(ValueError, match="at least one set"):
        LabelledImages([])


def test_the_split_takes_a_fifth_of_each_set_and_loses_nothing() -> None:
    images = LabelledImages([random_set((5, 8), seed=0), random_set((5, 8), seed=1)])
    training, validation = split_indices(images, 0.2, seed=3)
    assert sorted([*training, *validation]) == list(range(80))
    assert (validation < 40).sum() == (validation >= 40).sum() == 8
    again, _ = split_indices(images, 0.2, seed=3)
    other, _ = split_indices(images, 0.2, seed=4)
    assert (training == again).all()
    assert not np.array_equal(training, other)


def test_an_epoch_visits_every_image_once_in_an_order_of_its_own() -> None:
    indices = np.arange(100, 140)
    orders = [np.concatenate(list(epoch_batches(indices, 8, 40, 0, epoch))) for epoch in (0, 1)]
    assert [sorted(order) for order in orders] == [list(indices)] * 2
    assert not np.array_equal(orders[0], orders[1])
    assert np.array_equal(orders[0], np.concatenate(list(epoch_batches(indices, 8, 40, 0, 0))))
    assert len(list(epoch_batches(indices, 16, 39, 0, 0))) == 2


def test_pixels_become_numbers_from_zero_to_one() -> None:
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).expand(2, 4, 5, 3)
    images = to_unit_range(pixels, torch.device("cpu"))
    assert images.shape == (2, 3, 4, 5)
    torch.testing.assert_close(images[1, :, 2, 3], torch.tensor([0.0, 0.2, 1.0]))
    assert pixels.max() == 255


@pytest.mark.parametrize("num_threads", [1, 3])
def test_reading_ahead_keeps_order_and_passes_errors_on(num_threads: int) -> None:
    def slow(job: int) -> int:
        time.sleep(0.002 * (job % 3))
        return job

    assert list(prefetched(slow, range(20), num_threads)) == list(range(20))
    assert list(prefetched(slow, [], num_threads)) == []

    def failing(job: int) -> int:
        if job == 2:
            raise OSError("disk")
        return job

    items = prefetched(failing, range(9), num_threads)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(OSError, match="disk"):
        next(items)


@pytest.mark.parametrize("num_threads", [1, 3])
def test_reading_ahead_is_bounded(num_threads: int) -> None:
    asked: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(20):
            asked.append(job)
            yield job

    for item in prefetched(abs, jobs(), num_threads):
        assert len(asked) <= item + num_threads + 1
    assert len(asked) == 20


def test_several_threads_read_at_once() -> None:
    together = Barrier(3)
    assert list(prefetched(lambda job: together.wait(10), range(3), 3)) != []


@pytest.mark.parametrize("num_threads", [1, 3])
def test_reading_ahead_that_is_left_early_waits_for_nothing(num_threads: int) -> None:
    released, went_on = Event(), Event()

    def prepare(job: int) -> int:
        if job > 0:
            released.wait(10)
            went_on.set()
        return job

    batches = prefetched(prepare, range(9), num_threads)
    assert next(batches) == 0
    batches.close()  # type: ignore[attr-defined]
    assert not went_on.is_set()
    released.set()
    assert went_on.wait(10)


def test_images_are_copied_from_a_part_or_from_chosen_rows() -> None:
    images = random_set().images
    images.setflags(write=False)
    for rows in (slice(3, 9), np.array([7, 2, 2])):
        pixels = read_images(images, rows, torch.device("cpu"))
        assert (pixels.numpy() == images[rows]).all()
        assert not np.shares_memory(pixels.numpy(), images)


@pytest.mark.parametrize("num_late", [0, 1, 3, 9])
def test_results_come_to_the_cpu_in_order_after_later_ones_were_asked_for(num_late: int) -> None:
    asked: list[int] = []

    def results() -> Iterator[torch.Tensor]:
        for number in range(5):
            asked.append(number)
            yield torch.tensor(number)

    for number, result in enumerate(brought_to_cpu(results(), num_late)):
        assert result.item() == number
        assert len(asked) == min(5, number + num_late + 1)
    assert len(asked) == 5


def test_an_error_of_a_result_is_passed_on() -> None:
    def results() -> Iterator[torch.Tensor]:
        yield torch.zeros(())
        raise RuntimeError("the second one")

    with pytest.raises(RuntimeError, match="the second one"):
        list(brought_to_cpu(results(), num_late=2))


def test_augmentation_of_no_strength_changes_nothing() -> None:
    images = torch.rand(2, 3, 64, 64)
    assert augment(images, 0.0, torch.Generator()) is images


def test_augmentation_is_bounded_seeded_and_leaves_its_input_alone() -> None:
    images = torch.rand(4, 3, 64, 64)
    before = images.clone()
    first = augment(images, 1.0, torch.Generator().manual_seed(0))
    second = augment(images, 1.0, torch.Generator().manual_seed(0))
    other = augment(images, 1.0, torch.Generator().manual_seed(1))
    assert torch.equal(images, before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1


def test_augmentation_moves_a_point_by_at_most_a_few_pixels() -> None:
    images = torch.zeros(32, 3, 64, 64)
    images[:, :, 20, 40] = 1
    moved = augment(images, 1.0, torch.Generator().manual_seed(0)).sum(dim=1).flatten(1)
    row, column = moved.argmax(dim=1) // 64, moved.argmax(dim=1) % 64
    assert (row - 20).abs().max() <= 3
    assert (column - 40).abs().max() <= 3
