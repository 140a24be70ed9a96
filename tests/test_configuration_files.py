"""Files of settings: where they are found, what they include, what is refused, what is saved."""

from pathlib import Path

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
from submission.config.settings import (
    AdaptSettings,
    FinetuneSettings,
    FitSettings,
)


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


def test_an_included_file_may_lie_in_a_home_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder / "home"))
    (folder / "home").mkdir()
    (folder / "home/base.gin").write_text("Fit.seed = 3\n")
    (folder / "mine.gin").write_text("include '~/base.gin'\n")
    assert load_configuration(Path("mine.gin")).fit.seed == 3


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
        FileNotFoundError, match=r"configs/quick\.gin.*did you mean configs/paper.gin"
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
