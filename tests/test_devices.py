"""Two processes compute what one computes."""

from typing import cast

import torch
from torch import Tensor, nn

from submission.models.extractor import FactorHeads, FeatureExtractor
from submission.settings import FinetuneSettings
from submission.training.batches import BatchPart
from submission.training.devices import opened_devices
from submission.training.finetune import FinetuneRun
from submission.training.precision import Precision
from submission.training.synchronised import WholeBatchDropout, synchronise
from tests.processes import run_in_processes

SINGLE = Precision(torch.float32, "test")
SIZES = (3, 4)


def norm_law(part: BatchPart) -> tuple[Tensor, ...]:
    """Runs a batch norm and its derivatives on a part of a batch, in float64."""
    torch.manual_seed(0)
    maps, target = torch.randn(2, 6, 3, 4, 4, dtype=torch.float64) * 3 + 1
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Tanh()).double()
    nn.init.uniform_(network[0].weight)
    nn.init.uniform_(network[0].bias)
    if part.num_parts > 1:
        synchronise(network, part, torch.device("cpu"))
    own = part.of(maps).clone().requires_grad_()
    (network(own) * part.of(target)).sum().backward()
    assert own.grad is not None
    norm = network[0]
    return own.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var


def law_in_process() -> tuple[Tensor, ...]:
    with opened_devices(cuda=False, precision=SINGLE) as devices:
        return norm_law(devices.part)


def test_parts_of_a_batch_are_normalised_as_the_whole() -> None:
    whole = norm_law(BatchPart())
    first, second = run_in_processes(2, law_in_process)
    torch.testing.assert_close(torch.cat([first[0], second[0]]), whole[0], rtol=1e-12, atol=1e-12)
    for place in (1, 2):
        torch.testing.assert_close(first[place] + second[place], whole[place], rtol=1e-12, atol=0)
    for place in (3, 4):
        torch.testing.assert_close(first[place], whole[place], rtol=1e-12, atol=0)
        assert torch.equal(first[place], second[place])


def dropout_in_process() -> Tensor:
    with opened_devices(cuda=False, precision=SINGLE) as devices:
        torch.manual_seed(0)
        maps = torch.arange(1.0, 121.0).reshape(6, 20, 1, 1)
        return WholeBatchDropout(0.4, devices.part)(devices.part.of(maps))


def test_channels_are_dropped_as_from_the_whole_batch() -> None:
    torch.manual_seed(0)
    whole = nn.Dropout2d(0.4)(torch.arange(1.0, 121.0).reshape(6, 20, 1, 1))
    assert 0 < (whole == 0).sum() < 120
    assert torch.equal(torch.cat(run_in_processes(2, dropout_in_process)), whole)


def step_in_process() -> dict[str, Tensor]:
    """Takes a step of finetuning on a batch of 8; gives what it left, by name."""
    with opened_devices(cuda=False, precision=SINGLE) as devices:
        torch.manual_seed(0)
        settings = FinetuneSettings(architecture="vgg11_bn", batch_size=8, augmentation=1.0)
        extractor = FeatureExtractor("vgg11_bn", dropout=0.3)
        run = FinetuneRun(settings, extractor, FactorHeads(SIZES), devices)
        run.classifier.train()
        pixels = torch.randint(256, (8, 64, 64, 3), dtype=torch.uint8)
        factors = torch.stack([torch.randint(size, (8,)) for size in SIZES], dim=1)
        loss = run.advance(devices.part.of(pixels), devices.part.of(factors), num_steps=10)
        left = {name: value.grad for name, value in run.classifier.module.named_parameters()}
        left |= dict(run.extractor.named_buffers())
        left["loss"] = torch.tensor(run.agree(loss, stop=False)[0])
        return {name: cast(Tensor, value).clone() for name, value in left.items()}


def test_two_processes_have_the_gradients_of_one() -> None:
    [whole] = run_in_processes(1, step_in_process)
    first, second = run_in_processes(2, step_in_process)
    assert len(whole) > 60
    for name, value in whole.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], value, rtol=0, atol=1e-5, msg=name)
    print(
        {
            n: ((first[n] - v).abs().max().item(), v.abs().max().item())
            for n, v in whole.items()
            if v.is_floating_point()
        }
    )
