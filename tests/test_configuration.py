from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from submission.config.configuration import (
    configuration_text,
    load_configuration,
    save_configuration,
)
from submission.config.settings import ExtractSettings, FinetuneSettings, FitSettings

PAPER = Path("configs/paper.gin")


def refusal(line: str) -> str:
    """Gives the one line that refuses an override."""
    with pytest.raises(ValueError, match="expected") as caught:
        load_configuration(PAPER, [line])
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_overrides_win_and_nothing_stays_behind() -> None:
    load_configuration(PAPER, ["submission.Fit.seed = 7", "Fit.num_epochs=3"])
    assert (FitSettings().seed, FitSettings().num_epochs) == (7, 3)
    load_configuration(PAPER)
    assert FitSettings().seed == 0


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
        ("seed = 3", "Finetune.seed or Fit.seed or Tune.seed"),
        ("Finetune.lr = .1", "Finetune.learning_rate"),
        ("Fit.weights = 'a'", "Extract.weights"),
        ("kind = 'stage1'", "Extract.kind"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(line: str, nearest: str) -> None:
    assert refusal(line).endswith(f"the nearest name that can be set is {nearest}")


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
    ],
)
def test_a_value_of_another_type_or_out_of_range_is_refused_by_name(line: str) -> None:
    """Whatever the stage is that the run has, and before it begins."""
    assert refusal(line).startswith(f"expected {line.split(' ')[0]} to be ")


def test_a_whole_number_may_stand_for_a_float() -> None:
    load_configuration(PAPER, ["Fit.beta_end = 1"])
    assert FitSettings().beta_end == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_are_found_from_any_folder_and_include_each_other(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner/base.gin").write_text("include 'configs/quick.gin'\nFit.seed = 1\n")
    (folder / "inner/mine.gin").write_text("include 'base.gin'\nFit.num_latents = 8\n")
    load_configuration(Path("inner/mine.gin"))
    settings = FitSettings()
    assert (settings.num_epochs, settings.seed, settings.num_latents) == (30, 1, 8)


def test_macros_are_names_for_values(folder: Path) -> None:
    text = "Fit.encoder_widths = (%width, 8)\nFit.num_latents = %width\nwidth = 16\n"
    (folder / "macro.gin").write_text(text)
    load_configuration(Path("macro.gin"))
    assert (FitSettings().encoder_widths, FitSettings().num_latents) == ((16, 8), 16)
    load_configuration(Path("macro.gin"), ["width = 32"])
    assert FitSettings().num_latents == 32


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


@given(st.text(max_size=40), st.floats(1e-300, 1e300), st.integers(0, 2**63 - 1))
def test_any_settings_come_back_from_their_text(text: str, rate: float, seed: int) -> None:
    finetune = FinetuneSettings(start=text, learning_rate=rate, seed=seed)
    fit = FitSettings(encoder_widths=(8,), decoder_widths=(3, 2), sigmoid=False)
    load_configuration(None, [configuration_text(finetune, fit)])
    assert (FinetuneSettings(), FitSettings(), ExtractSettings()) == (
        finetune,
        fit,
        ExtractSettings(),
    )


def test_the_saved_file_names_every_setting(folder: Path) -> None:
    load_configuration(PAPER, ["Fit.seed = 7", "Extract.batch_size = 3"])
    before = ExtractSettings(), FitSettings()
    save_configuration(folder / "saved.gin", *before)
    text = (folder / "saved.gin").read_text()
    for group, settings in zip(("Extract", "Fit"), before, strict=True):
        for name in vars(settings):
            assert f"submission.{group}.{name} = " in text
    load_configuration(Path("saved.gin"))
    assert (ExtractSettings(), FitSettings()) == before
