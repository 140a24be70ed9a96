"""Renders whose look varies, and the finetuning on them."""

from pathlib import Path

import numpy as np
import pytest

from experiments.commands import experiments
from experiments.rendered_set import rendered_set
from experiments.teach import taught_sets
from experiments.varied import SIMULATIONS, other_look, varied_look
from submission.cli import run_commands
from submission.data.standin.look import look_named, values_of
from submission.data.standin.render import render_images
from submission.data.standin.scene import camera_vectors, standin_space
from submission.models.weights import load_weights, read_card
from submission.training.batches import LabelledImages

LOOKS = ("toy", "realistic", "real")


@pytest.mark.parametrize("number", range(0, 192, 24))
def test_a_varied_look_lies_about_the_three_looks(number: int) -> None:
    look = varied_look(number)
    ends = [camera_vectors(look_named(f"standin_{name}").scene.cameras)[:, 0] for name in LOOKS]
    cameras, least, most = (
        camera_vectors(look.scene.cameras)[:, 0],
        np.min(ends, axis=0),
        np.max(ends, axis=0),
    )
    slack = 0.2 + 0.5 * (most - least)
    assert ((cameras > least - slack) & (cameras < most + slack)).all()
    assert min(np.abs(cameras - end).max() for end in ends) > 0.01
    assert (look.scene.extents[:, 0] < look.scene.extents[:, 1]).all()
    measures = (
        look.scene.rod[1],
        *look.scene.column[:2],
        *look.scene.clamp[:3],
        *look.scene.foot[[0, 4]],
    )
    assert min(measures) >= 0.01


@pytest.mark.parametrize("number", range(0, 400, 80))
def test_other_objects_are_no_known_ones_and_of_two_sizes(number: int) -> None:
    look, known = other_look(number), [look_named(name) for name in SIMULATIONS]
    extents = look.scene.extents
    assert (extents[:, 0] < extents[:, 1]).all()
    slender = extents[..., 1] / extents[..., 0]
    np.testing.assert_allclose(slender[:, 0] / slender[:, 1], 1.0)  # sizes differ, not shapes
    for each in known:
        assert not np.isclose(look.paint.colors, each.paint.colors).any()
        assert not np.isclose(extents, each.scene.extents).any()


def test_colours_and_shapes_of_other_objects_are_not_taught() -> None:
    images = LabelledImages(taught_sets())
    _, factors = images.take(np.array([0, len(images) - 1]))
    assert (factors >= 0).tolist() == [[True] * 7, [False] * 2 + [True] * 5]


def test_an_image_of_a_set_has_one_look_and_is_a_function_of_its_number() -> None:
    space, looks = standin_space(), [varied_look(0), varied_look(1)]
    rows = np.random.default_rng(0).integers(space.num_points, size=12)
    together = rendered_set("both", looks).images[rows]
    apart = [rendered_set("one", [look]).images[rows] for look in looks]
    same = np.stack([(images == together).all(axis=(1, 2, 3)) for images in apart])
    assert (same.sum(axis=0) == 1).all()
    assert same.any(axis=1).all()
    np.testing.assert_array_equal(rendered_set("both", looks).images[rows[::-1]], together[::-1])


def test_a_set_of_a_domain_has_the_images_of_its_file() -> None:
    space, rows = standin_space(), np.array([9, 700_000])
    images = rendered_set("toy", [look_named("standin_toy")]).images[rows]
    factors = space.index_to_factors(rows)
    np.testing.assert_array_equal(images, render_images("standin_toy", space, factors))


def test_the_digest_of_a_set_is_that_of_its_looks() -> None:
    one, same, other = (rendered_set("any", [varied_look(n)]).sha256 for n in (3, 3, 4))
    assert one == same != other
    assert values_of(varied_look(3)) == values_of(varied_look.__wrapped__(3))


def test_teaching_writes_weights_and_says_what_they_saw(tmp_path: Path) -> None:
    few = "images_per_epoch=8", "batch_size=4", "num_epochs=1", "num_validation_images=8"
    words = [word for each in few for word in ("--set", f"Finetune.{each}")]
    command = ["teach", *words, "--output", str(tmp_path)]
    assert run_commands(experiments, "python -m experiments", command) == 0
    card = read_card(tmp_path / "extractor.safetensors")
    names = [each["name"] for each in card["data"]]
    assert names == [*SIMULATIONS, *(f"varied_{number}" for number in range(4)), "others"]
    assert card["images_seen"] == 8
    assert set(card["accuracy"]) == {"validation", "standin_real"}
    assert load_weights(tmp_path / "extractor.safetensors")[0].architecture == "vgg19_bn"
