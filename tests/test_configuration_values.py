"""A value of another type, out of range or unknown is refused by the setting's name."""

import pytest

from submission.config.configuration import (
    load_configuration,
)
from submission.config.group import Group, outcome_settings
from submission.config.settings import (
    AdaptSettings,
    ExtractSettings,
    FinetuneSettings,
    FitSettings,
)
from submission.errors import InputError
from submission.models.extractor import ARCHITECTURES
from submission.models.frozen import LEARNED
from submission.models.pooled import POOLINGS
from tests.refusal import PAPER, SETTINGS, refusal


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        ("Finetune.architecture = 'vgg19'", "vgg19_bn"),
        ("Finetune.architecture = 'VGG16_bn'", "vgg16_bn"),
        ("Finetune.learning_rate_decay = 'cos'", "cosine"),
        ("Extract.kind = 'stage_1'", "stage1"),
        ("Extract.feature_type = 'float61'", "float16"),
        ("Fit.optimizer = 'RAdam'", "radam"),
        ("Fit.reduction = 'average'", "mean"),
    ],
)
def test_an_unknown_choice_is_refused_with_the_nearest(line: str, nearest: str) -> None:
    message = refusal(line)
    assert line.split(" ")[0] in message
    assert message.endswith(f"the nearest is {nearest}")


@pytest.mark.parametrize(
    "line",
    [
        "Fit.num_epochs = 0",
        "Fit.num_epochs = 'many'",
        "Fit.num_epochs = 3.0",
        "Fit.num_epochs = True",
        "Fit.num_epochs = None",
        "Fit.num_epochs = (3,)",
        "Fit.seed = -1",
        "Fit.seed = 9223372036854775808",
        "Fit.num_latents = 1",
        "Fit.num_latents = 1048577",
        "Fit.batch_size = 1",
        "Fit.learning_rate = 0.0",
        "Fit.learning_rate = -1.0",
        "Fit.learning_rate = '0.1'",
        "Fit.learning_rate = True",
        "Fit.learning_rate = 1e999",
        "Fit.learning_rate = 1" + 400 * "0",
        "Fit.beta_end = -0.1",
        "Fit.anneal_start = -1",
        "Fit.anneal_end = 3",
        "Fit.first_moment_decay = 1.0",
        "Fit.second_moment_decay = 1.0",
        "Fit.second_moment_decay = -0.1",
        "Fit.checkpoint_seconds = -1.0",
        "Fit.cuda_graph = 'yes'",
        "Fit.decoder_initialisation = 'he'",
        "Fit.sigmoid = 1",
        "Fit.encoder_widths = ()",
        "Fit.encoder_widths = (8)",
        "Fit.encoder_widths = [8, 4]",
        "Fit.encoder_widths = (1.5,)",
        "Fit.encoder_widths = (True,)",
        "Fit.encoder_widths = ('8',)",
        "Fit.encoder_widths = (8, 0)",
        "Fit.decoder_widths = (1048577,)",
        "Finetune.dropout = 1.0",
        "Finetune.validation_fraction = 0.0",
        "Finetune.validation_fraction = 1.0",
        "Finetune.head_scale = 0.0",
        "Finetune.frozen_blocks = 6",
        "Finetune.start = 3",
        "Finetune.batch_size = 1",
        "Extract.weights = ''",
        "Extract.batch_size = -1",
        "Extract.memory_limit = -1",
        "Extract.keep_features = 1",
        "Adapt.num_tuning_images = -1",
        "Adapt.num_norm_images = 2.0",
        "Adapt.batch_size = 1",
        "Adapt.axis_weight = -0.5",
        "Fit.optimizer = 3",
    ],
)
def test_a_value_of_another_type_or_out_of_range_is_refused_by_name(line: str) -> None:
    """Whatever the stage is that the run has, and before it begins."""
    assert refusal(line).startswith(f"expected {line.split(' ')[0]} to be ")


@pytest.mark.parametrize(
    ("line", "expected", "got"),
    [
        ("Finetune.dropout = 1.0", "at least 0 and below 1", "1.0"),
        ("Fit.batch_size = 1", "at least 2", "1"),
        ("Fit.seed = 9223372036854775808", "below 2**63", "9223372036854775808"),
        ("Fit.learning_rate = 0.0", "above 0", "0.0"),
        ("Fit.encoder_widths = (8, 0)", "at least 1", "(8, 0)"),
        ("Fit.anneal_end = 3", "Fit.anneal_start=10", "3"),
        ("Fit.num_copies = 4", "Fit.latents='per_factor'", "4"),
        ("Fit.optimizer = 'sgd'", "radam, adam", "'sgd'"),
    ],
)
def test_a_refusal_says_what_is_allowed_and_what_came(line: str, expected: str, got: str) -> None:
    message = refusal(line)
    assert expected in message
    assert f"got {got}" in message


@pytest.mark.parametrize("group", [FinetuneSettings, AdaptSettings, ExtractSettings, FitSettings])
def test_a_group_made_in_code_is_checked_as_one_from_a_file(group: type[Group]) -> None:
    for each in group().settings():
        with pytest.raises(InputError, match=rf"{each.name} .*None"):
            group(**{each.field: None})


@pytest.mark.parametrize(
    ("field", "value"), [("learning_rate", float("inf")), ("beta_end", float("nan"))]
)
def test_numbers_that_no_file_can_hold_are_refused_in_code(field: str, value: float) -> None:
    with pytest.raises(InputError, match=rf"Fit\.{field} .*{value}"):
        FitSettings(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line", ["Fit.learning_rate = 1e-3", "Finetune.dropout = 0.0", "Finetune.frozen_blocks = 5"]
)
def test_the_limits_themselves_are_allowed_where_they_belong(line: str) -> None:
    load_configuration(PAPER, [line])


def test_choices_are_those_that_the_models_offer() -> None:
    choices = {each.name: set(each.choices) for each in SETTINGS}
    assert choices["Finetune.architecture"] == set(ARCHITECTURES)
    assert choices["Extract.kind"] == {*LEARNED, "stage1", *POOLINGS}


def test_a_whole_number_may_stand_for_a_float() -> None:
    assert load_configuration(PAPER, ["Fit.beta_end = 1"]).fit.beta_end == 1


def test_settings_without_influence_on_the_result_are_no_outcome_settings() -> None:
    usual, often = FitSettings(), FitSettings(checkpoint_seconds=0.0)
    assert outcome_settings(usual) == outcome_settings(often)
    names = {each.name for each in usual.settings()}
    assert names - set(outcome_settings(usual)) == {"Fit.checkpoint_seconds"}
    assert outcome_settings(usual) != outcome_settings(FitSettings(seed=1))
