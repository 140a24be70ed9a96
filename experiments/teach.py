"""Finetunes the weights that ship on the simulations' looks and on looks that vary around them."""

from collections.abc import Sequence
from pathlib import Path

from experiments.finetuning import REAL
from experiments.rendered_set import rendered_set
from experiments.varied import SIMULATIONS, other_look, varied_look
from submission.config.configuration import load_configuration
from submission.data.image_set import ImageSet
from submission.data.standin.look import look_named
from submission.files import locked
from submission.training.allocator import keep_freed_memory
from submission.training.batches import LabelledImages
from submission.training.devices import opened_devices
from submission.training.finetune.finetune import finetune, save_finetuned
from submission.training.finetune.start import starting_extractor

__all__ = ["taught_sets", "teach"]

NUM_VARIED, NUM_LOOKS = 4, 400
"""How many sets of varied looks there are, and looks in each and in that of other objects."""

SETTINGS = (
    "Finetune.start='weights/extractor.safetensors'",
    "Finetune.frozen_blocks=3",
    "Finetune.head_scale=16.0",
    "Finetune.batch_size=64",
    "Finetune.num_epochs=6",
    "Finetune.images_per_epoch=10240",
    "Finetune.learning_rate=7e-4",
    "Finetune.learning_rate_decay='cosine'",
    "Finetune.augmentation=0.8",
    "Finetune.axis_softness=0.7",
    "Finetune.num_validation_images=800",
)


def taught_sets() -> list[ImageSet]:
    """Makes the labelled sets that are trained on: the simulations, varied looks, other objects."""
    sets = [rendered_set(name, [look_named(name)]) for name in SIMULATIONS]
    for number in range(NUM_VARIED):
        numbers = range(number * NUM_LOOKS, (number + 1) * NUM_LOOKS)
        sets.append(rendered_set(f"varied_{number}", [varied_look(n) for n in numbers]))
    others = [other_look(n) for n in range(NUM_LOOKS)]
    return [*sets, rendered_set("others", others, unknown=("object_color", "object_shape"))]


def teach(output: Path, overrides: Sequence[str] = ()) -> None:
    """Finetunes extractor and heads; continues from the checkpoint in the folder.

    Of seven images, one has the look of toy, one that of realistic, four have one of the varied
    looks, and one has a varied look and an object of another colour and shape, of which neither is
    taught. Images are rendered when they are needed. Accuracies are measured on images
    held out, and on renders of the real domain's look, which is not trained on.

    Args:
        output: folder of weights, card, learning curves and checkpoint.
        overrides: settings that differ from `SETTINGS`.
    """
    keep_freed_memory()
    settings = load_configuration(Path("configs/paper.gin"), (*SETTINGS, *overrides)).finetune
    sets = taught_sets()
    others = [rendered_set(REAL, [look_named(REAL)])]
    with opened_devices(cuda=None) as devices, locked(output, "finetuning"):
        extractor, heads = starting_extractor(settings, LabelledImages(sets))
        result = finetune(extractor, heads, sets, others, settings, devices, output)
    save_finetuned(result, settings, sets, output / "extractor.safetensors")
