from pathlib import Path

import gin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from submission.config.configuration import (
    PROJECT,
    Configuration,
    configuration_text,
    load_configuration,
    save_configuration,
)
from submission.config.group import Group, outcome_settings
from submission.config.names import RENAMED
from submission.config.settings import (
    AdaptSettings,
    ExtractSettings,
    FinetuneSettings,
    FitSettings,
)
from submission.errors import InputError
from submission.models.extractor import ARCHITECTURES
from submission.models.frozen import KINDS
from submission.models.views import VIEWS

PAPER = Path("configs/paper.gin")
SETTINGS = [each for group in Configuration().groups for each in group.settings()]


def refusal(line: str) -> str:
    """Gives the one line that refuses an override."""
    with pytest.raises(ValueError, match="expected") as caught:
        load_configuration(PAPER, [line])
    message = str(caught.value)
    assert "\n" not in message
    return message


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
        "Fit.anneal_end = 3",
        "Fit.second_moment_decay = 1.0",
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
    "line", ["Fit.learning_rate = 1e-3", "Finetune.dropout = 0.0", "Finetune.frozen_blocks = 5"]
)
def test_the_limits_themselves_are_allowed_where_they_belong(line: str) -> None:
    load_configuration(PAPER, [line])


def test_choices_are_those_that_the_models_offer() -> None:
    choices = {each.name: set(each.choices) for each in SETTINGS}
    assert choices["Finetune.architecture"] == set(ARCHITECTURES)
    assert choices["Extract.kind"] == set(KINDS)
    assert choices["Fit.views"] == set(VIEWS)


def test_a_whole_number_may_stand_for_a_float() -> None:
    assert load_configuration(PAPER, ["Fit.beta_end = 1"]).fit.beta_end == 1


def test_settings_without_influence_on_the_result_are_no_outcome_settings() -> None:
    usual, often = FitSettings(), FitSettings(checkpoint_seconds=0.0)
    assert outcome_settings(usual) == outcome_settings(often)
    assert set(vars(usual)) - set(outcome_settings(usual)) == {"checkpoint_seconds"}
    assert outcome_settings(usual) != outcome_settings(FitSettings(seed=1))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_are_found_from_any_folder_and_include_each_other(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner/base.gin").write_text("include 'configs/quick.gin'\nFit.seed = 1\n")
    (folder / "inner/mine.gin").write_text("include 'base.gin'\nFit.num_latents = 8\n")
    settings = load_configuration(Path("inner/mine.gin")).fit
    assert (settings.num_epochs, settings.seed, settings.num_latents) == (30, 1, 8)


def test_macros_are_names_for_values(folder: Path) -> None:
    text = "Fit.encoder_widths = (%width, 8)\nFit.num_latents = %width\nwidth = 16\n"
    (folder / "macro.gin").write_text(text)
    fit = load_configuration(Path("macro.gin")).fit
    assert (fit.encoder_widths, fit.num_latents) == ((16, 8), 16)
    assert load_configuration(Path("macro.gin"), ["width = 32"]).fit.num_latents == 32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# fine\nFit.seed = 1\nFit.sed = 3\n", r"in a\.gin, line 3: .* nearest .* Fit\.seed"),
        ("\nFit.seed = \n", r"in a\.gin, line 2: "),
        ("Fit.seed = 1\nFit.encoder_widths = (1,\n", r"in a\.gin, line [23]: "),
        ("unused = 3\nFit.seed = 1\n", r"in a\.gin, line 1: .* got unused"),
        ("Fit.seed = 1\ninclude 'a.gin'\n", r"in a\.gin, line 2: .* do not include themselves"),
        ("Fit.seed = 1\ninclude '.'\n", r"in a\.gin, line 2: .* got the folder \."),
    ],
)
def test_a_file_is_refused_with_the_line(folder: Path, text: str, message: str) -> None:
    (folder / "a.gin").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_configuration(Path("a.gin"))


def test_what_is_no_text_file_is_refused(folder: Path) -> None:
    (folder / "weights.gin").write_bytes(b"\x80\x81\x00\xff")
    with pytest.raises(ValueError, match=r"expected a text file.* in weights\.gin"):
        load_configuration(Path("weights.gin"))
    (folder / "zeros.gin").write_bytes(bytes(64))
    with pytest.raises(ValueError, match=r"in zeros\.gin: expected NAME = VALUE"):
        load_configuration(Path("zeros.gin"))
    with pytest.raises(ValueError, match="got the folder"):
        load_configuration(folder)


def test_a_missing_file_says_what_there_is(folder: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"configs/quick\.gin.*nearest is configs/paper.gin"
    ):
        load_configuration(Path("configs/papr.gin"))
    (folder / "a.gin").write_text("include 'none.gin'")
    with pytest.raises(FileNotFoundError, match=r"in a\.gin: expected .* at none\.gin"):
        load_configuration(Path("a.gin"))


@settings(deadline=None)
@given(st.text(max_size=40), st.floats(1e-300, 1e300), st.integers(0, 2**63 - 1))
def test_any_settings_come_back_from_their_text(text: str, rate: float, seed: int) -> None:
    configuration = Configuration(
        finetune=FinetuneSettings(start=text, learning_rate=rate, seed=seed),
        adapt=AdaptSettings(learning_rate=rate, num_norm_images=seed),
        fit=FitSettings(encoder_widths=(8,), decoder_widths=(3, 2), sigmoid=False),
    )
    assert load_configuration(None, [configuration_text(*configuration.groups)]) == configuration
    alone = load_configuration(None, [configuration_text(configuration.adapt)])
    assert alone == Configuration(adapt=configuration.adapt)


@pytest.mark.parametrize("preset", sorted((PROJECT / "configs").glob("*.gin")), ids=str)
def test_a_saved_file_is_a_preset_that_names_every_setting(preset: Path, folder: Path) -> None:
    configuration = load_configuration(preset, ["Fit.seed = 7", "Extract.batch_size = 3"])
    save_configuration(folder / "saved.gin", *configuration.groups)
    assert load_configuration(Path("saved.gin")) == configuration
    text = (folder / "saved.gin").read_text()
    for group in configuration.groups:
        for each in group.settings():
            assert f"submission.{each.name} = " in text
