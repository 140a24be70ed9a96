from pathlib import Path

import gin
import pytest

from submission.config.configuration import (
    load_configuration,
)
from submission.config.names import RENAMED
from submission.config.settings import (
    FitSettings,
)
from tests.refusal import PAPER, SETTINGS, refusal


def test_overrides_win_and_change_nothing_but_what_is_returned() -> None:
    fit = load_configuration(PAPER, ["submission.Fit.seed = 7", "Fit.num_epochs=3"]).fit
    assert (fit.seed, fit.num_epochs) == (7, 3)
    assert FitSettings() == load_configuration(PAPER).fit != fit


def test_the_last_assignment_counts() -> None:
    assert load_configuration(PAPER, ["Fit.seed = 1", "Fit.seed = 2"]).fit.seed == 2


def test_settings_of_other_libraries_in_gin_stay() -> None:
    """disentanglement_lib keeps its own settings in gin's registry."""
    before = gin.config_str()
    gin.bind_parameter("submission_test/gin.macro.value", 3)
    try:
        load_configuration(Path("configs/best.gin"), ["Fit.seed = 7"])
        assert gin.query_parameter("submission_test/gin.macro.value") == 3
        gin.config._CONFIG.pop(("submission_test", "gin.macro"))
        assert gin.config_str() == before
    finally:
        gin.config._CONFIG.pop(("submission_test", "gin.macro"), None)


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        ("Fit.num_epoch = 3", "Fit.num_epochs"),
        ("Fit.epochs = 3", "Fit.num_epochs"),
        ("Fitt.seed = 3", "Fit.seed"),
        ("fit.SEED = 3", "Fit.seed"),
        ("Fit_seed = 3", "Fit.seed"),
        ("submision.Fit.seed = 3", "Fit.seed"),
        ("submission.Fit.seed.x = 3", "Fit.seed"),
        ("seed = 3", "Finetune.seed or Adapt.seed or Fit.seed"),
        ("Tune.num_image = 3", "Adapt.num_tuning_images"),
        ("Finetune.lr = .1", "Finetune.learning_rate"),
        ("Fit.weights = 'a'", "Extract.weights"),
        ("kind = 'stage1'", "Extract.kind"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(line: str, nearest: str) -> None:
    assert refusal(line).endswith(f"the nearest name that can be set is {nearest}")


@pytest.mark.parametrize("earlier", RENAMED)
def test_an_earlier_name_is_refused_with_the_present_one(earlier: str) -> None:
    message = refusal(f"submission.{earlier} = 3")
    assert earlier in message
    assert message.endswith(RENAMED[earlier])
    known = [each.name for each in SETTINGS]
    assert RENAMED[earlier] in known
    assert earlier not in known


@pytest.mark.parametrize(
    "line",
    [
        "Fit.seed = ",
        "Fit.seed",
        "Fit.seed 3",
        "Fit.seed == 3",
        "Fit.seed = 3 Fit.num_epochs = 4",
        "Fit.seed = 2 ** 3",
        "Fit.seed = [",
        "Fit.encoder_widths = (1, 2",
        "Fit.seed = {[1]: 2}",
        "Fit.seed = " + 3000 * "(",
        "Fit.seed = " + 5000 * "9",
        "Fit.learning_rate = nan",
        "nonsense(",
        "$",
        "\0",
        "",
        "# a remark alone",
        "import os",
        "Fit.seed = @Fit()",
        "Fit.seed = @Fit",
        "some/scope/Fit.seed = 3",
        "Fit.seed = %undefined",
        "again = %again\nFit.seed = %again",
        "one = %two\ntwo = %one\nFit.seed = %one",
    ],
)
def test_what_does_not_assign_a_value_is_refused(line: str) -> None:
    assert refusal(line).startswith("in the command line")


def test_a_text_without_quotes_gets_them_shown_for_the_shell() -> None:
    assert refusal("Finetune.start=imagenet").endswith("""--set "NAME='text'\"""")
