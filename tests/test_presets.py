"""Every preset against the numbers of docs/method.md, typed here by hand."""

from pathlib import Path
from typing import Any

import pytest

from submission.config.configuration import PROJECT, SETTINGS, load_configuration

PAPER: dict[str, Any] = {
    "Finetune.architecture": "vgg19_bn",
    "Finetune.start": "imagenet",
    "Finetune.dropout": 0.1,
    "Finetune.head_scale": 1.0,
    "Finetune.batch_size": 512,
    "Finetune.num_epochs": 5,
    "Finetune.images_per_epoch": 0,
    "Finetune.learning_rate": 0.001,
    "Finetune.weight_decay": 0.01,
    "Finetune.learning_rate_decay": "constant",
    "Finetune.augmentation": 0.0,
    "Finetune.validation_fraction": 0.2,
    "Finetune.num_validation_images": 0,
    "Extract.kind": "finetuned",
    "Extract.weights": "weights/extractor.safetensors",
    "Tune.num_images": 0,
    "Tune.batch_size": 64,
    "Tune.learning_rate": 3e-4,
    "Tune.axis_weight": 1.0,
    "Tune.augmentation": 0.0,
    "Extract.adaptation_images": 0,
    "Fit.latents": "shared",
    "Fit.views": "separate",
    "Fit.num_copies": 1,
    "Fit.num_latents": 16,
    "Fit.encoder_widths": (1024, 1024, 1024, 1024),
    "Fit.decoder_widths": (1024, 1024, 1024, 1024),
    "Fit.sigmoid": True,
    "Fit.decoder_initialisation": "orthogonal",
    "Fit.batch_size": 256,
    "Fit.num_epochs": 100,
    "Fit.reduction": "mean",
    "Fit.optimizer": "radam",
    "Fit.learning_rate": 0.001,
    "Fit.first_moment_decay": 0.9,
    "Fit.second_moment_decay": 0.999,
    "Fit.beta_start": 0.001,
    "Fit.beta_end": 0.4,
    "Fit.anneal_start": 10,
    "Fit.anneal_end": 49,
    "Fit.seed": 0,
}

DIFFERENCES: dict[str, dict[str, Any]] = {
    "paper": {},
    "best": {
        "Tune.num_images": 9600,
        "Extract.adaptation_images": 4096,
        "Fit.latents": "per_factor",
        "Fit.num_copies": 4,
        "Fit.encoder_widths": (64, 64),
        "Fit.decoder_widths": (64, 64),
        "Fit.num_epochs": 20,
        "Fit.beta_end": 0.8,
        "Fit.anneal_start": 2,
        "Fit.anneal_end": 10,
    },
    "heads": {
        "Tune.num_images": 9600,
        "Extract.adaptation_images": 4096,
        "Fit.latents": "heads",
    },
    "quick": {"Fit.num_epochs": 30, "Fit.anneal_start": 3, "Fit.anneal_end": 15},
    "released": {
        "Fit.num_latents": 18,
        "Fit.encoder_widths": (4096,),
        "Fit.decoder_widths": (4096, 4096, 4096, 4096),
        "Fit.decoder_initialisation": "default",
        "Fit.num_epochs": 120,
        "Fit.beta_start": 0.005,
        "Fit.anneal_end": 79,
    },
    "stage1": {
        "Extract.kind": "stage1",
        "Extract.weights": "imagenet",
        "Fit.num_latents": 18,
        "Fit.encoder_widths": (256, 128, 64),
        "Fit.decoder_widths": (64, 128, 256),
        "Fit.sigmoid": False,
        "Fit.reduction": "sum",
        "Fit.optimizer": "adam",
        "Fit.first_moment_decay": 0.5,
        "Fit.num_epochs": 20,
        "Fit.beta_start": 0.0001,
        "Fit.beta_end": 0.12,
        "Fit.anneal_start": 1,
        "Fit.anneal_end": 19,
    },
}


def values_of(path: Path | None) -> dict[str, Any]:
    load_configuration(path)
    groups = {name: settings() for name, settings in SETTINGS.items()}
    return {
        f"{name}.{field}": value
        for name, group in groups.items()
        for field, value in vars(group).items()
    }


@pytest.mark.parametrize("preset", DIFFERENCES)
def test_a_preset_has_the_numbers_of_the_method(preset: str) -> None:
    got = values_of(Path(f"configs/{preset}.gin"))
    expected = PAPER | DIFFERENCES[preset]
    assert {name: got[name] for name in expected} == expected


def test_a_preset_without_a_row_here_does_not_ship() -> None:
    assert {path.stem for path in (PROJECT / "configs").glob("*.gin")} == set(DIFFERENCES)


def test_the_defaults_are_the_papers() -> None:
    assert values_of(None) == values_of(Path("configs/paper.gin"))


def test_the_papers_preset_spells_out_every_number_of_the_paper() -> None:
    text = (PROJECT / "configs/paper.gin").read_text(encoding="utf-8")
    not_of_the_paper = {
        "Finetune.num_validation_images",
        "Extract.adaptation_images",
        "Fit.latents",
        "Fit.views",
        "Fit.num_copies",
    }
    not_of_the_paper |= {name for name in PAPER if name.startswith("Tune.")}
    for name in set(PAPER) - not_of_the_paper:
        assert f"submission.{name} = " in text, name
