"""Every number that a configuration file can set, with the paper's values as defaults."""

from dataclasses import dataclass

import gin

from submission.config.checks import (
    require,
    require_at_least,
    require_one_of,
    require_types,
)
from submission.models.extractor import ARCHITECTURES
from submission.models.frozen import KINDS
from submission.models.views import VIEWS

__all__ = ["ExtractSettings", "FinetuneSettings", "FitSettings", "TuneSettings"]

LARGEST_LAYER = 1 << 20
"""Wider layers are mistakes; their sizes in bytes would not fit into 64 bits."""


@gin.configurable("Finetune", module="submission")
@dataclass(frozen=True)
class FinetuneSettings:
    """How the feature extractor is finetuned (paper, section 2.1).

    Attributes:
        architecture: trunk, one of vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn.
        start: "imagenet" or the path of its published file for an ImageNet trunk; the path of an
            extractor's .safetensors file to go on from it, grown if its trunk is shallower;
            "" for a random start.
        frozen_blocks: how many of the trunk's first blocks stay as they start, in 0..5; to freeze
            two makes a step on two cores a third faster.
        dropout: rate of the aggregation's channel dropout, in [0, 1).
        head_scale: fixed factor on the unit-length feature before the heads; the paper has 1.
        batch_size: images of a step.
        num_epochs: passes over the training images.
        images_per_epoch: training images of an epoch, drawn anew each time; 0 means all.
        learning_rate: RAdam's step size.
        weight_decay: decoupled weight decay.
        learning_rate_decay: "constant", or "cosine" to end at zero.
        augmentation: strength of random camera effects; 0 is none.
        axis_softness: how many positions to either side the targets of the two axes spread
            (standard deviation of a Gaussian); 0 is the paper's one-hot targets.
        validation_fraction: part of each set held out, in (0, 1).
        num_validation_images: held-out images that are looked at; 0 means all.
        checkpoint_seconds: time between checkpoints; 0 writes one after every step.
        seed: decides split, order, initial weights, dropout and augmentation.
    """

    architecture: str = "vgg19_bn"
    start: str = "imagenet"
    frozen_blocks: int = 0
    dropout: float = 0.1
    head_scale: float = 1.0
    batch_size: int = 512
    num_epochs: int = 5
    images_per_epoch: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    learning_rate_decay: str = "constant"
    augmentation: float = 0.0
    axis_softness: float = 0.0
    validation_fraction: float = 0.2
    num_validation_images: int = 0
    checkpoint_seconds: float = 120.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_types(self, "Finetune")
        require_one_of(ARCHITECTURES, "Finetune", architecture=self.architecture)
        require_one_of(
            ("constant", "cosine"), "Finetune", learning_rate_decay=self.learning_rate_decay
        )
        require(
            0 <= self.frozen_blocks <= 5, "Finetune.frozen_blocks", "in 0..5", self.frozen_blocks
        )
        require(0 <= self.dropout < 1, "Finetune.dropout", "in [0, 1)", self.dropout)
        require(
            0 < self.validation_fraction < 1,
            "Finetune.validation_fraction",
            "in (0, 1)",
            self.validation_fraction,
        )
        require(self.learning_rate > 0, "Finetune.learning_rate", "above 0", self.learning_rate)
        require(self.head_scale > 0, "Finetune.head_scale", "above 0", self.head_scale)
        require_at_least(2, "Finetune", batch_size=self.batch_size)
        require_at_least(1, "Finetune", num_epochs=self.num_epochs)
        require_at_least(
            0,
            "Finetune",
            images_per_epoch=self.images_per_epoch,
            num_validation_images=self.num_validation_images,
            checkpoint_seconds=self.checkpoint_seconds,
            weight_decay=self.weight_decay,
            augmentation=self.augmentation,
            axis_softness=self.axis_softness,
            seed=self.seed,
        )


@gin.configurable("Tune", module="submission")
@dataclass(frozen=True)
class TuneSettings:
    """How the extractor is tuned to unlabelled images before features are extracted.

    Weights of trunk and aggregation are trained until the finetuned heads, which stay as they are,
    are certain of each image and find every value equally often (Liang et al. 2020). The paper
    leaves the extractor as finetuning made it.

    Attributes:
        num_images: images of the data set, drawn at random without repetition, all if there are
            no more; 0 leaves the weights as they are.
        batch_size: images of a step.
        learning_rate: RAdam's step size; it falls to zero by half a cosine.
        axis_weight: how much the two axes count, beside 1 for other factors; their answers are held
            at those of the extractor as finetuning made it.
        augmentation: strength of random camera effects; 0 is none.
        seed: decides order and augmentation.
        checkpoint_seconds: time between checkpoints; 0 writes one after every step.
    """

    num_images: int = 0
    batch_size: int = 64
    learning_rate: float = 3e-4
    axis_weight: float = 1.0
    augmentation: float = 0.0
    seed: int = 0
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        require_types(self, "Tune")
        require_at_least(2, "Tune", batch_size=self.batch_size)
        require(self.learning_rate > 0, "Tune.learning_rate", "above 0", self.learning_rate)
        require_at_least(
            0,
            "Tune",
            num_images=self.num_images,
            axis_weight=self.axis_weight,
            augmentation=self.augmentation,
            seed=self.seed,
            checkpoint_seconds=self.checkpoint_seconds,
        )


@gin.configurable("Extract", module="submission")
@dataclass(frozen=True)
class ExtractSettings:
    """How features are extracted (paper, section 2.2).

    Attributes:
        kind: "finetuned"; "stage1" for a VGG of ImageNet with R-MAC pooling on 224x224 images; or,
            to compare with, "unnormalised" for finetuned features without the L2 norm, and
            "average", "max" or "rmac" for a trunk on 64x64 images with that pooling instead of the
            learned aggregation.
        weights: file of the frozen extractor; a relative path starts at the project's folder. For
            stage 1 and pooled trunks also "imagenet", downloaded at the first time, or the path of
            that published file; for pooled trunks also "random".
        batch_size: images of a pass; 0 takes as many as fit into memory, within reason.
        feature_type: "float32", "float16", or "auto" for the larger that fits into memory.
        memory_limit: bytes that the run may use; 0 reads the container's or machine's limit.
        adaptation_images: unlabelled images of the data set from which the batch norms' means and
            variances are estimated anew before features are extracted; 0 leaves the weights as
            finetuning made them, as the paper does.
        keep_features: leave the features on disk after the run, for later runs on the same images
            with the same weights.
    """

    kind: str = "finetuned"
    weights: str = "weights/extractor.safetensors"
    batch_size: int = 0
    feature_type: str = "auto"
    memory_limit: int = 0
    adaptation_images: int = 0
    keep_features: bool = False

    def __post_init__(self) -> None:
        require_types(self, "Extract")
        require_one_of(KINDS, "Extract", kind=self.kind)
        require_one_of(("auto", "float32", "float16"), "Extract", feature_type=self.feature_type)
        require(self.weights != "", "Extract.weights", "a file's path", self.weights)
        require_at_least(
            0,
            "Extract",
            batch_size=self.batch_size,
            memory_limit=self.memory_limit,
            adaptation_images=self.adaptation_images,
        )


@gin.configurable("Fit", module="submission")
@dataclass(frozen=True)
class FitSettings:
    """The beta-VAE and how it is trained (paper, section 2.3; the defaults are its numbers).

    Attributes:
        latents: "shared", all latents encode and decode the whole feature as in the paper; or
            "per_factor", each sees the feature along the directions of one of the heads that
            finetuning trained, so that their number is that of the heads; or, to compare with,
            "heads", no VAE at all but the value that each head expects.
        views: what latents per factor see: "separate", the feature along directions of their heads
            from which other factors are taken away, at unit length; or, to compare with, "unit",
            other factors left in, or "plain", the length left, too.
        num_latents: C, of shared latents.
        num_images: images of the data set, drawn at random, whose features are trained on; 0 for
            all.
        num_copies: R, how often each latent per factor is trained at once, from other initial
            weights; the copy with the smallest loss is kept.
        encoder_widths: widths of the encoder's hidden layers.
        decoder_widths: widths of the decoder's hidden layers.
        sigmoid: whether the decoded mean of shared latents is constrained to (0, 1); linear
            otherwise, and always for latents per factor.
        decoder_initialisation: "orthogonal", or "default" to leave the decoder's linear layers as
            PyTorch makes them; the encoder of shared latents is always orthogonal.
        batch_size: B, features of a step.
        num_epochs: N.
        reduction: "mean" or "sum" over the batch, of both terms of the loss; the terms are always
            summed over dimensions, and the KL term is always divided by C.
        optimizer: "radam" or "adam".
        learning_rate: the optimiser's step size.
        first_moment_decay: decay rate of the mean of gradients (Adam's beta 1), in [0, 1).
        second_moment_decay: decay rate of the mean of squared gradients (Adam's beta 2), in [0, 1).
        beta_start: weight of the KL term up to `anneal_start`.
        beta_end: weight of the KL term from `anneal_end` on.
        anneal_start: epoch at which beta begins to rise.
        anneal_end: epoch at which beta has risen.
        seed: decides initial weights, order and noise.
        cuda_graph: whether a GPU records a step once and replays it, which is two to five times as
            fast; without a GPU no difference.
        checkpoint_seconds: time between checkpoints; 0 writes one after every step.
    """

    latents: str = "shared"
    views: str = "separate"
    num_latents: int = 16
    num_images: int = 0
    num_copies: int = 1
    encoder_widths: tuple[int, ...] = (1024, 1024, 1024, 1024)
    decoder_widths: tuple[int, ...] = (1024, 1024, 1024, 1024)
    sigmoid: bool = True
    decoder_initialisation: str = "orthogonal"
    batch_size: int = 256
    num_epochs: int = 100
    reduction: str = "mean"
    optimizer: str = "radam"
    learning_rate: float = 1e-3
    first_moment_decay: float = 0.9
    second_moment_decay: float = 0.999
    beta_start: float = 0.001
    beta_end: float = 0.4
    anneal_start: int = 10
    anneal_end: int = 49
    seed: int = 0
    cuda_graph: bool = True
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        require_types(self, "Fit")
        for name, widths in [("encoder", self.encoder_widths), ("decoder", self.decoder_widths)]:
            valid = len(widths) > 0 and all(1 <= width <= LARGEST_LAYER for width in widths)
            require(valid, f"Fit.{name}_widths", f"widths in 1..{LARGEST_LAYER}", widths)
        require_one_of(
            ("orthogonal", "default"), "Fit", decoder_initialisation=self.decoder_initialisation
        )
        require_one_of(("shared", "per_factor", "heads"), "Fit", latents=self.latents)
        require_one_of(VIEWS, "Fit", views=self.views)
        require_one_of(("mean", "sum"), "Fit", reduction=self.reduction)
        require_one_of(("radam", "adam"), "Fit", optimizer=self.optimizer)
        require(self.learning_rate > 0, "Fit.learning_rate", "above 0", self.learning_rate)
        for name in ("first_moment_decay", "second_moment_decay"):
            require(0 <= getattr(self, name) < 1, f"Fit.{name}", "in [0, 1)", getattr(self, name))
        require(
            self.anneal_start <= self.anneal_end,
            "Fit.anneal_end",
            f"at least anneal_start ({self.anneal_start})",
            self.anneal_end,
        )
        valid = self.num_latents <= LARGEST_LAYER
        require(valid, "Fit.num_latents", f"at most {LARGEST_LAYER}", self.num_latents)
        require_at_least(2, "Fit", num_latents=self.num_latents, batch_size=self.batch_size)
        require_at_least(1, "Fit", num_epochs=self.num_epochs, num_copies=self.num_copies)
        require(
            self.num_copies == 1 or self.latents == "per_factor",
            "Fit.num_copies",
            "1 for shared latents",
            self.num_copies,
        )
        require_at_least(
            0,
            "Fit",
            beta_start=self.beta_start,
            beta_end=self.beta_end,
            anneal_start=self.anneal_start,
            seed=self.seed,
            num_images=self.num_images,
            checkpoint_seconds=self.checkpoint_seconds,
        )
