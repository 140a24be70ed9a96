"""Plans the memory of a run from its data, networks, settings and hardware."""

import torch

from submission.config.configuration import Configuration
from submission.config.settings import FitSettings
from submission.console import say
from submission.data.image_set import ImageSet
from submission.job.memory import MemoryPlan, RunSizes, plan_memory
from submission.models.extractor import FEATURE_SIZE
from submission.models.frozen import FrozenExtractor
from submission.models.heads import Heads
from submission.models.vae import FeatureVAE
from submission.models.views import Views
from submission.server.environment import read_launch
from submission.server.memory_limits import MemoryLimit, read_memory_limits
from submission.training.adapt.norms import BATCH_SIZE
from submission.training.devices import Devices
from submission.training.vae.fit import NUM_VIEW_FEATURES
from submission.training.vae.network import make_vae

__all__ = ["fitting_plan", "plan_run", "planned_vae"]

FILE_BYTES = 64 * 64 * 3
"""What an image takes in the file of images."""

IMAGE_BYTES = 4 << 20
"""The most that the extractor's activations take for an image of 64 x 64 pixels."""

CPU_BATCH_BYTES = 1 << 30
"""What activations may take on a CPU, where larger batches are no faster."""

TUNED_IMAGE_BYTES = 20 << 20
"""The most that an image's activations and their gradients take while the extractor is tuned."""


def plan_run(
    images: ImageSet, frozen: FrozenExtractor, configuration: Configuration, devices: Devices
) -> MemoryPlan:
    """Prints the `fitting_plan` of a data set, and gives every process the first one's."""
    plan: MemoryPlan | None = None
    if devices.is_first:
        plan = fitting_plan(images.space.num_points, frozen, configuration, devices)
        say(f"{plan}\nbatches of {plan.batch_size} images")
    plan = devices.fabric.broadcast(plan)
    assert plan is not None
    return plan


def fitting_plan(
    num_images: int, frozen: FrozenExtractor, configuration: Configuration, devices: Devices
) -> MemoryPlan:
    """Plans the memory of a run on so many images.

    Raises:
        InputError: if the run does not fit into the memory that there is.
    """
    extract = configuration.extract
    sizes = _run_sizes(num_images, frozen, configuration, devices)
    limits = list(read_memory_limits(extract.memory_limit))
    if devices.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(devices.device)
        limits.append(MemoryLimit(free, "free memory of the GPU", "device"))
    batch_sizes = [extract.batch_size] if extract.batch_size else _batch_sizes(sizes, limits)
    return plan_memory(sizes, limits, extract.feature_type, batch_sizes)


def _run_sizes(
    num_images: int, frozen: FrozenExtractor, configuration: Configuration, devices: Devices
) -> RunSizes:
    """Measures what decides how much memory a run needs."""
    adapt, fit = configuration.adapt, configuration.fit
    extractor = sum(value.nbytes for value in frozen.extractor.state_dict().values())
    image = IMAGE_BYTES * frozen.extractor.input_size**2 // 64**2
    vae = planned_vae(fit, frozen.heads)
    sampled = fit.num_images if fit.num_images < num_images else 0
    per_factor = fit.latents == "per_factor"
    view_rows = min(NUM_VIEW_FEATURES, num_images) if per_factor else 0
    adaptation = 0
    if adapt.num_tuning_images:
        # A copy, the folded extractor that axes are held at, gradients, two moments, a temporary.
        adaptation = 6 * extractor + adapt.batch_size * TUNED_IMAGE_BYTES
    if num_normed := min(adapt.num_norm_images or adapt.num_tuning_images, num_images, BATCH_SIZE):
        adaptation = max(adaptation, extractor + num_normed * image)
    return RunSizes(
        num_images=num_images,
        num_sampled=sampled,
        extractor=extractor,
        image=image,
        adaptation=adaptation,
        vae=_training_bytes(vae, fit) if vae is not None else 0,
        view_sample=2 * view_rows * FEATURE_SIZE * 4,
        mapped=num_images * FILE_BYTES,
        num_local=read_launch().num_local,
        on_gpu=devices.device.type == "cuda",
    )


def planned_vae(fit: FitSettings, heads: Heads | None) -> FeatureVAE | None:
    """Makes the VAE that will be trained without memory for its numbers (on PyTorch's meta device).

    Args:
        fit: settings of the VAE.
        heads: the classifiers, if latents per factor are asked for.

    Returns:
        The VAE; None if the settings ask for none.
    """
    if fit.latents == "heads":
        return None
    with torch.device("meta"):
        views = None
        if fit.latents == "per_factor":
            assert heads is not None
            shape = len(heads.names), max(heads.sizes) - 1
            weight, offset = torch.empty(*shape, FEATURE_SIZE), torch.empty(shape)
            views = Views(weight, offset, heads.names, torch.empty(len(heads.names)))
        return make_vae(FEATURE_SIZE, fit, views)


def _training_bytes(vae: FeatureVAE, fit: FitSettings) -> int:
    """Adds up a VAE's weights, their gradients, two moments, two temporaries, and activations."""
    trained: int = sum(value.nbytes for value in vae.state_dict().values())
    widths = [*fit.encoder_widths, *fit.decoder_widths]
    groups = vae.num_codes if fit.latents == "per_factor" else 1
    # Three tensors for each hidden layer (product, norm, activation), and as many gradients.
    activations = 6 * 4 * fit.batch_size * groups * sum(widths)
    return 6 * trained + activations


def _batch_sizes(sizes: RunSizes, limits: list[MemoryLimit]) -> list[int]:
    """Lists batch sizes that a device computes fast and in little memory, the largest first."""
    on_device = [limit.num_bytes // 2 for limit in limits if limit.kind == "device"]
    room = min(on_device, default=CPU_BATCH_BYTES)
    powers = [1 << power for power in range(10, -1, -1)]
    return [size for size in powers if size * sizes.image <= room] or [1]
