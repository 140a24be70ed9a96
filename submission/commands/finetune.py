"""`python -m submission finetune`: labelled images in, frozen weights and their card out."""

from contextlib import nullcontext
from pathlib import Path

import click

from submission.config.configuration import load_configuration
from submission.console import say
from submission.data.catalogue import has_everyday_objects
from submission.data.images import open_images
from submission.errors import InputError
from submission.files import locked
from submission.server.environment import read_environment

__all__ = ["finetune"]


@click.command()
@click.option(
    "--config",
    type=Path,
    default=Path("configs/paper.gin"),
    show_default=True,
    help="A gin file; its Finetune settings are used.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    help="A setting, such as Finetune.seed=1; repeat for several.",
)
@click.option(
    "--data",
    "names",
    multiple=True,
    default=("standin_toy", "standin_realistic"),
    show_default=True,
    help="A labelled set to train on; repeat for several.",
)
@click.option(
    "--also",
    "further",
    multiple=True,
    help="A set on which only accuracies are measured; repeat for several.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("scratch/finetune"),
    show_default=True,
    help="Folder of weights, card, learning curves and checkpoint.",
)
def finetune(
    config: Path,
    overrides: tuple[str, ...],
    names: tuple[str, ...],
    further: tuple[str, ...],
    output: Path,
) -> None:
    """Finetune the feature extractor on labelled images (paper, section 2.1)."""
    from submission.training.allocator import keep_freed_memory
    from submission.training.batches import LabelledImages
    from submission.training.devices import opened_devices
    from submission.training.finetune.finetune import finetune as run_finetuning
    from submission.training.finetune.finetune import save_finetuned
    from submission.training.finetune.start import starting_extractor

    keep_freed_memory()
    environment = read_environment()
    with (
        opened_devices(cuda=environment.cuda) as devices,
        locked(output, "finetuning") if devices.is_first else nullcontext(),
    ):
        settings = load_configuration(config, overrides).finetune
        every = (*names, *further)
        if len({has_everyday_objects(name) for name in every}) > 1:
            raise InputError(
                f"expected sets with the same colours and shapes, got {', '.join(every)}; leave "
                "out those with everyday objects (real_complex), or the others"
            )
        sets = [open_images(name, environment.data_path) for name in names]
        others = [open_images(name, environment.data_path) for name in further]
        precision, several = devices.precision, devices.num_processes
        say(
            f"finetuning on {', '.join(names)} in {precision.dtype} because {precision.reason}; "
            f"{devices.device.type}, {several} process{'es' * (several > 1)}"
        )
        extractor, heads = starting_extractor(settings, LabelledImages(sets))
        result = run_finetuning(extractor, heads, sets, others, settings, devices, output)
        for image_set in (*sets, *others):
            image_set.require_unchanged()
        if devices.is_first:
            save_finetuned(result, settings, sets, output / "extractor.safetensors")
