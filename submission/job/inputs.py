"""Loads the frozen extractor of a run and refuses settings that do not fit it or the data."""

from submission.config.configuration import PROJECT, Configuration
from submission.console import say
from submission.errors import InputError
from submission.models.frozen import LEARNED, FrozenExtractor, load_extractor, require_heads
from submission.training.batches import num_batches

__all__ = ["extractor_of_run", "require_enough_images"]


def extractor_of_run(configuration: Configuration) -> FrozenExtractor:
    """Loads the extractor with its heads and checks that the settings fit them.

    Args:
        configuration: names the weights, and what features and heads are used for.

    Raises:
        MissingFileError: if the weights are missing.
        InputError: if the weights are not what they should be, or do not fit the settings.
    """
    adapt, extract, fit = configuration.adapt, configuration.extract, configuration.fit
    if adapt.num_tuning_images and extract.kind != "finetuned":
        raise InputError(
            "expected Extract.kind='finetuned' for "
            f"Adapt.num_tuning_images={adapt.num_tuning_images}, got {extract.kind!r}; set "
            "Adapt.num_tuning_images=0"
        )
    if fit.latents != "shared" and extract.kind not in LEARNED:
        raise InputError(
            f"expected Extract.kind='finetuned' for Fit.latents={fit.latents!r}, got "
            f"{extract.kind!r}, whose features no head was trained on; set Fit.latents='shared'"
        )
    if fit.latents == "shared" and extract.kind == "unnormalised" and fit.sigmoid:
        raise InputError(
            "expected Fit.sigmoid=False for Extract.kind='unnormalised', whose features exceed 1, "
            "got True"
        )
    frozen = load_extractor(extract.kind, extract.weights, PROJECT)
    if fit.latents != "shared" or adapt.num_tuning_images:
        require_heads(frozen)
    say(f"extractor: {extract.kind}, {frozen.extractor.architecture}, {frozen.path}")
    return frozen


def require_enough_images(configuration: Configuration, num_images: int) -> None:
    """Refuses settings of the VAE that need more images than there are, before hours of work.

    Raises:
        InputError: if `Fit.num_images` or `Fit.batch_size` is too large.
    """
    fit = configuration.fit
    if fit.num_images > num_images:
        raise InputError(
            f"expected Fit.num_images to be at most {num_images}, the number of images, got "
            f"{fit.num_images}; lower it, or set 0 to take all"
        )
    if fit.latents != "heads":
        num_batches(fit.num_images or num_images, fit.batch_size, "Fit.batch_size", "features")
