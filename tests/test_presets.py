"""Every preset against the numbers of the paper and of docs/method.md, typed here by hand."""

from pathlib import Path
from typing import Any

import pytest

from submission.config.configuration import (
    PROJECT,
    Configuration,
    changed_settings,
    load_configuration,
)

# Seitzer et al. 2020, stage 2: sections 2.1 to 2.3.
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
    "Extract.kind": "finetuned",
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
}

# Parts of the method that the paper does not have are off.
BEYOND_THE_PAPER: dict[str, Any] = {
    "Finetune.frozen_blocks": 0,
    "Finetune.axis_softness": 0.0,
    "Finetune.num_validation_images": 0,
    "Adapt.num_tuning_images": 0,
    "Adapt.num_norm_images": 0,
    "Fit.latents": "shared",
    "Fit.num_images": 0,
    "Fit.num_copies": 1,
}

BEST: dict[str, Any] = {
    "Fit.latents": "per_factor",
    "Fit.num_copies": 4,
    "Fit.encoder_widths": (64, 64),
    "Fit.decoder_widths": (64, 64),
    "Fit.num_epochs": 20,
    "Fit.beta_end": 0.8,
    "Fit.anneal_start": 2,
    "Fit.anneal_end": 10,
}

DIFFERENCES: dict[str, dict[str, Any]] = {
    "paper": {},
    "best": BEST,
    "adapted": {**BEST, "Adapt.num_tuning_images": 9600, "Adapt.num_norm_images": 4096},
    "heads": {"Fit.latents": "heads"},
    "quick": {"Fit.num_epochs": 30, "Fit.anneal_start": 3, "Fit.anneal_end": 15},
    # The authors' released configuration.
    "released": {
        "Fit.num_latents": 18,
        "Fit.encoder_widths": (4096,),
        "Fit.decoder_widths": (4096, 4096, 4096, 4096),
        "Fit.decoder_initialisation": "default",
        "Fit.num_epochs": 120,
        "Fit.beta_start": 0.005,
        "Fit.anneal_end": 79,
    },
    # The authors' submission to stage 1.
    "stage1": {
        "Extract.kind": "stage1",
        "Extract.weights": "imagenet",
        "Extract.batch_size": 32,
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


def test_the_defaults_are_the_papers() -> None:
    groups = Configuration().groups
    defaults = {each.name: each.default for group in groups for each in group.settings()}
    expected = PAPER | BEYOND_THE_PAPER
    assert {name: defaults[name] for name in expected} == expected


@pytest.mark.parametrize("preset", DIFFERENCES)
def test_a_preset_differs_from_the_paper_in_these_settings_only(preset: str) -> None:
    configuration = load_configuration(Path(f"configs/{preset}.gin"))
    assert changed_settings(configuration) == DIFFERENCES[preset]


def test_a_preset_without_a_row_here_does_not_ship() -> None:
    assert {path.stem for path in (PROJECT / "configs").glob("*.gin")} == set(DIFFERENCES)


def test_the_papers_preset_spells_out_every_number_of_the_paper() -> None:
    text = (PROJECT / "configs/paper.gin").read_text(encoding="utf-8")
    for name in PAPER:
        assert f"submission.{name} = " in text, name
