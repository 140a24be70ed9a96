"""Every number that a configuration file can set, with the paper's values as defaults."""

from dataclasses import dataclass, fields
from typing import Any

import gin

from submission.models.extractor import ARCHITECTURES

__all__ = ["ExtractSettings", "FinetuneSettings", "FitSettings"]


def _require_types(settings: Any, prefix: str) -> None:
    """Refuses values of another type than the field's default; an int may stand for a float."""
    for field in fields(settings):
        value, kind = getattr(settings, field.name), type(field.default)
        allowed = (int, float) if kind is float else (kind,)
        wrong_item = type(value) is tuple and not all(type(item) is int for item in value)
        if type(value) not in allowed or wrong_item:
            expected = "a tuple of int" if kind is tuple else kind.__name__
            raise ValueError(f"expected {prefix}.{field.name} to be {expected}, got {value!r}")


def _require(condition: bool, name: str, expected: str, value: object) -> None:
    if not condition:
        raise ValueError(f"expected {name} to be {expected}, got {value!r}")


def _require_at_least(minimum: float, prefix: str, **values: float) -> None:
    for name, value in values.items():
        _require(value >= minimum, f"{prefix}.{name}", f"at least {minimum}", value)


@gin.configurable("Finetune", module="submission")
@dataclass(frozen=True)
class FinetuneSettings:
    """How the feature extractor is finetuned (paper, section 2.1).

    Attributes:
        architecture: trunk, one of vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn.
        start: "imagenet" or the path of its published file for an ImageNet trunk; the path of an
            extractor's .safetensors file to go on from it, grown if its trunk is shallower;
            "" for a random start.
        dropout: rate of the aggregation's channel dropout, in [0, 1).
        head_scale: fixed factor on the unit-length feature before the heads; the paper has 1.
        batch_size: images of a step.
        num_epochs: passes over the training images.
        images_per_epoch: training images of an epoch, drawn anew each time; 0 means all.
        learning_rate: RAdam's step size.
        weight_decay: decoupled weight decay.
        learning_rate_decay: "constant", or "cosine" to end at zero.
        augmentation: strength of random camera effects; 0 is none.
        validation_fraction: part of each set held out, in (0, 1).
        num_validation_images: held-out images that are looked at; 0 means all.
        seed: decides split, order, initial weights, dropout and augmentation.
    """

    architecture: str = "vgg19_bn"
    start: str = "imagenet"
    dropout: float = 0.1
    head_scale: float = 1.0
    batch_size: int = 512
    num_epochs: int = 5
    images_per_epoch: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    learning_rate_decay: str = "constant"
    augmentation: float = 0.0
    validation_fraction: float = 0.2
    num_validation_images: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        _require_types(self, "Finetune")
        _require(
            self.architecture in ARCHITECTURES,
            "Finetune.architecture",
            f"one of {', '.join(ARCHITECTURES)}",
            self.architecture,
        )
        _require(
            self.learning_rate_decay in ("constant", "cosine"),
            "Finetune.learning_rate_decay",
            "constant or cosine",
            self.learning_rate_decay,
        )
        _require(0 <= self.dropout < 1, "Finetune.dropout", "in [0, 1)", self.dropout)
        _require(
            0 < self.validation_fraction < 1,
            "Finetune.validation_fraction",
            "in (0, 1)",
            self.validation_fraction,
        )
        _require(self.learning_rate > 0, "Finetune.learning_rate", "above 0", self.learning_rate)
        _require(self.head_scale > 0, "Finetune.head_scale", "above 0", self.head_scale)
        _require_at_least(2, "Finetune", batch_size=self.batch_size)
        _require_at_least(1, "Finetune", num_epochs=self.num_epochs)
        _require_at_least(
            0,
            "Finetune",
            images_per_epoch=self.images_per_epoch,
            num_validation_images=self.num_validation_images,
            weight_decay=self.weight_decay,
            augmentation=self.augmentation,
            seed=self.seed,
        )


@gin.configurable("Extract", module="submission")
@dataclass(frozen=True)
class ExtractSettings:
    """How features are extracted (paper, section 2.2).

    Attributes:
        weights: file of the frozen extractor; a relative path starts at the project's folder.
        batch_size: images of a pass; 0 takes as many as fit into memory, within reason.
        feature_type: "float32", "float16", or "auto" for the larger that fits into memory.
        memory_limit: bytes that the run may use; 0 reads the container's or machine's limit.
        keep_features: leave the features on disk after the run, for later runs on the same images
            with the same weights.
    """

    weights: str = "weights/extractor.safetensors"
    batch_size: int = 0
    feature_type: str = "auto"
    memory_limit: int = 0
    keep_features: bool = False

    def __post_init__(self) -> None:
        _require_types(self, "Extract")
        _require(
            self.feature_type in ("auto", "float32", "float16"),
            "Extract.feature_type",
            "auto, float32 or float16",
            self.feature_type,
        )
        _require_at_least(0, "Extract", batch_size=self.batch_size, memory_limit=self.memory_limit)


@gin.configurable("Fit", module="submission")
@dataclass(frozen=True)
class FitSettings:
    """The beta-VAE and how it is trained (paper, section 2.3).

    Attributes:
        num_latents: C.
        encoder_widths: widths of the encoder's hidden layers.
        decoder_widths: widths of the decoder's hidden layers.
        batch_size: B, features of a step.
        num_epochs: N.
        learning_rate: RAdam's step size.
        beta_start: weight of the KL term up to `anneal_start`.
        beta_end: weight of the KL term from `anneal_end` on.
        anneal_start: epoch at which beta begins to rise.
        anneal_end: epoch at which beta has risen.
        seed: decides initial weights, order and noise.
    """

    num_latents: int = 16
    encoder_widths: tuple[int, ...] = (1024, 1024, 1024, 1024)
    decoder_widths: tuple[int, ...] = (1024, 1024, 1024, 1024)
    batch_size: int = 256
    num_epochs: int = 100
    learning_rate: float = 1e-3
    beta_start: float = 0.001
    beta_end: float = 0.4
    anneal_start: int = 10
    anneal_end: int = 49
    seed: int = 0

    def __post_init__(self) -> None:
        _require_types(self, "Fit")
        for name, widths in [("encoder", self.encoder_widths), ("decoder", self.decoder_widths)]:
            valid = len(widths) > 0 and all(width >= 1 for width in widths)
            _require(valid, f"Fit.{name}_widths", "widths of at least 1", widths)
        _require(self.learning_rate > 0, "Fit.learning_rate", "above 0", self.learning_rate)
        _require(
            self.anneal_start <= self.anneal_end,
            "Fit.anneal_end",
            f"at least anneal_start ({self.anneal_start})",
            self.anneal_end,
        )
        _require_at_least(2, "Fit", num_latents=self.num_latents, batch_size=self.batch_size)
        _require_at_least(1, "Fit", num_epochs=self.num_epochs)
        _require_at_least(
            0, "Fit", beta_start=self.beta_start, beta_end=self.beta_end, seed=self.seed
        )
