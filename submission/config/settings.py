"""Every number that a configuration file can set, with the paper's values as defaults."""

from dataclasses import dataclass
from typing import Literal

from submission.config.group import Group, setting
from submission.errors import InputError

__all__ = ["AdaptSettings", "ExtractSettings", "FinetuneSettings", "FitSettings"]

LARGEST_LAYER = 1 << 20
"""Wider layers are mistakes; their sizes in bytes would not fit into 64 bits."""


@dataclass(frozen=True)
class FinetuneSettings(Group):
    """How the feature extractor is finetuned on labelled images (paper, section 2.1)."""

    architecture: Literal["vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"] = setting(
        "vgg19_bn", "The trunk."
    )
    start: str = setting(
        "imagenet",
        'The weights to start from. "imagenet" takes a trunk trained on ImageNet; the path of its '
        "published file does the same without a download. The path of an extractor's .safetensors "
        "file continues from that extractor; a shallower trunk is grown. An empty text starts from "
        "random weights.",
    )
    frozen_blocks: int = setting(
        0,
        "Number of the trunk's first blocks that are not trained. Freezing two makes a step on two "
        "cores a third faster.",
        at_least=0,
        at_most=5,
    )
    dropout: float = setting(
        0.1, "Rate of the channel dropout in the aggregation.", at_least=0, below=1
    )
    head_scale: float = setting(
        1.0, "Fixed factor on the unit-length feature before the heads. The paper has 1.", above=0
    )
    batch_size: int = setting(512, "Images of a step.", at_least=2)
    num_epochs: int = setting(5, "Passes over the training images.", at_least=1)
    images_per_epoch: int = setting(
        0, "Training images of an epoch, drawn anew for each epoch; 0 takes all.", at_least=0
    )
    learning_rate: float = setting(1e-3, "Step size of RAdam.", above=0)
    weight_decay: float = setting(0.01, "Decoupled weight decay.", at_least=0)
    learning_rate_decay: Literal["constant", "cosine"] = setting(
        "constant", '"cosine" lowers the step size to 0 at the end.'
    )
    augmentation: float = setting(
        0.0, "Strength of random camera effects; 0 applies none.", at_least=0
    )
    axis_softness: float = setting(
        0.0,
        "Standard deviation, in positions, of the Gaussian targets of the two axes. 0 gives the "
        "paper's one-hot targets.",
        at_least=0,
    )
    validation_fraction: float = setting(
        0.2, "Part of each data set that is held out.", above=0, below=1
    )
    num_validation_images: int = setting(
        0, "Held-out images that accuracy is measured on; 0 takes all.", at_least=0
    )
    checkpoint_seconds: float = setting(
        120.0,
        "Seconds between checkpoints; 0 writes one after every step.",
        at_least=0,
        affects_outcome=False,
    )
    seed: int = setting(
        0, "Decides split, order, initial weights, dropout and augmentation.", at_least=0
    )


@dataclass(frozen=True)
class AdaptSettings(Group):
    """How the extractor is adapted to unlabelled images of the data set (not in the paper).

    Adapting has two parts. Tuning trains the weights of trunk and aggregation until the finetuned
    heads are certain of each image and find every value equally often (Liang et al. 2020). Then
    means and variances of the batch norms are estimated from images of the data set (Li et al.
    2016). By default nothing is adapted, as in the paper.
    """

    num_tuning_images: int = setting(
        0,
        "Images that the weights are tuned on, drawn at random, each used once; all images if "
        "there are fewer. 0 leaves the weights unchanged.",
        at_least=0,
    )
    num_norm_images: int = setting(
        0,
        "Images that the batch norms' means and variances are estimated from. 0 leaves them "
        "unchanged; if weights are tuned, 0 estimates them from the tuning images.",
        at_least=0,
    )
    batch_size: int = setting(64, "Images of a tuning step.", at_least=2)
    learning_rate: float = setting(
        3e-4, "Step size of RAdam. It falls to 0 along half a cosine.", above=0
    )
    axis_weight: float = setting(
        1.0,
        "Weight of each held factor in the loss; each other factor has weight 1. The two axes are "
        "held, and factors of which the extractor hardly finds some value: their answers stay "
        "those of the finetuned extractor.",
        at_least=0,
    )
    augmentation: float = setting(
        0.0, "Strength of random camera effects while tuning; 0 applies none.", at_least=0
    )
    seed: int = setting(0, "Decides choice and order of images, and augmentation.", at_least=0)
    checkpoint_seconds: float = setting(
        60.0,
        "Seconds between checkpoints of the tuning; 0 writes one after every step.",
        at_least=0,
        affects_outcome=False,
    )


@dataclass(frozen=True)
class ExtractSettings(Group):
    """How features are extracted (paper, section 2.2)."""

    kind: Literal["finetuned", "unnormalised", "stage1", "average", "max", "rmac"] = setting(
        "finetuned",
        '"finetuned" is the paper\'s stage 2; "stage1" is an ImageNet VGG with R-MAC pooling on '
        '224x224 images. The others are for comparison: "unnormalised" is finetuned without the L2 '
        'norm; "average", "max" and "rmac" pool a trunk on 64x64 images and have no learned '
        "aggregation.",
    )
    weights: str = setting(
        "weights/extractor.safetensors",
        "File of the frozen extractor; a relative path starts at the project's folder. Stage 1 and "
        'pooled trunks also take "imagenet", which is downloaded once, or the path of that '
        'published file. Pooled trunks also take "random".',
    )
    batch_size: int = setting(
        0, "Images of a pass; 0 chooses a fast size that fits into memory.", at_least=0
    )
    feature_type: Literal["auto", "float32", "float16"] = setting(
        "auto", 'Number format of stored features; "auto" takes the larger that fits into memory.'
    )
    memory_limit: int = setting(
        0, "Bytes that the run may use; 0 reads the limit of the container or machine.", at_least=0
    )
    keep_features: bool = setting(
        False,
        "Whether features stay on disk after the run. Later runs on the same images with the same "
        "weights read them.",
        affects_outcome=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.weights:
            raise InputError("expected Extract.weights to be a file's path, got ''")


@dataclass(frozen=True)
class FitSettings(Group):
    """The beta-VAE and how it is trained (paper, section 2.3; the defaults are its numbers)."""

    latents: Literal["shared", "per_factor", "heads"] = setting(
        "shared",
        '"shared": all latents encode and decode the whole feature, as in the paper. "per_factor": '
        "one latent for each finetuned head, which sees the feature along the directions of that "
        'head only. "heads", for comparison: no VAE; the code is the value that each head expects.',
    )
    views: Literal["separate", "unit", "plain"] = setting(
        "separate",
        'What a latent per factor sees. "separate": the feature along its head\'s directions, with '
        'the part that other heads can predict taken away, at unit length. For comparison, "unit" '
        'keeps that part, and "plain" also keeps the length.',
    )
    num_latents: int = setting(
        16, "C, the number of shared latents.", at_least=2, at_most=LARGEST_LAYER
    )
    num_images: int = setting(
        0, "Images whose features are trained on, drawn at random; 0 takes all.", at_least=0
    )
    num_copies: int = setting(
        1,
        "R, the number of VAEs trained for each latent per factor, from different initial weights. "
        "The one with the lowest loss is kept.",
        at_least=1,
    )
    encoder_widths: tuple[int, ...] = setting(
        (1024, 1024, 1024, 1024),
        "Widths of the encoder's hidden layers.",
        at_least=1,
        at_most=LARGEST_LAYER,
    )
    decoder_widths: tuple[int, ...] = setting(
        (1024, 1024, 1024, 1024),
        "Widths of the decoder's hidden layers.",
        at_least=1,
        at_most=LARGEST_LAYER,
    )
    sigmoid: bool = setting(
        True,
        "Whether a sigmoid limits the decoded feature to (0, 1). It applies to shared latents "
        "only; latents per factor decode without it.",
    )
    decoder_initialisation: Literal["orthogonal", "default"] = setting(
        "orthogonal",
        'Initial weights of the decoder; "default" is PyTorch\'s. The encoder of shared latents is '
        "always orthogonal.",
    )
    batch_size: int = setting(256, "B, features of a step.", at_least=2)
    num_epochs: int = setting(100, "N, passes over the features.", at_least=1)
    reduction: Literal["mean", "sum"] = setting(
        "mean",
        "How both terms of the loss are combined over the batch. Both are always summed over "
        "dimensions, and the KL term is always divided by C.",
    )
    optimizer: Literal["radam", "adam"] = setting("radam", "The optimiser.")
    learning_rate: float = setting(1e-3, "Step size of the optimiser.", above=0)
    first_moment_decay: float = setting(
        0.9, "Decay rate of the mean of gradients (Adam's beta 1).", at_least=0, below=1
    )
    second_moment_decay: float = setting(
        0.999, "Decay rate of the mean of squared gradients (Adam's beta 2).", at_least=0, below=1
    )
    beta_start: float = setting(
        0.001, "Weight of the KL term until epoch anneal_start.", at_least=0
    )
    beta_end: float = setting(0.4, "Weight of the KL term from epoch anneal_end on.", at_least=0)
    anneal_start: int = setting(10, "Epoch at which beta begins to rise.", at_least=0)
    anneal_end: int = setting(49, "Epoch at which beta reaches beta_end.", at_least=0)
    seed: int = setting(0, "Decides initial weights, order and noise.", at_least=0)
    cuda_graph: bool = setting(
        True,
        "Whether a GPU records a step once and replays it, which is two to five times as fast. "
        "Results agree up to rounding. Without a GPU it changes nothing.",
    )
    checkpoint_seconds: float = setting(
        60.0,
        "Seconds between checkpoints; 0 writes one after every step.",
        at_least=0,
        affects_outcome=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.anneal_end < self.anneal_start:
            raise InputError(
                f"expected Fit.anneal_end to be at least Fit.anneal_start={self.anneal_start}, got "
                f"{self.anneal_end}; raise Fit.anneal_end or lower Fit.anneal_start"
            )
        if self.num_copies > 1 and self.latents != "per_factor":
            raise InputError(
                f"expected Fit.num_copies to be 1 for Fit.latents={self.latents!r}, got "
                f"{self.num_copies}; set Fit.num_copies=1 or Fit.latents='per_factor'"
            )
