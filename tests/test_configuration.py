from pathlib import Path

import pytest

from submission.configuration import load_configuration, operative_configuration
from submission.settings import ExtractSettings, FinetuneSettings, FitSettings

PAPER = Path("configs/paper.gin")


def test_the_paper_preset_has_the_papers_numbers() -> None:
    load_configuration(PAPER)
    fit = FitSettings()
    assert (fit.num_latents, fit.num_epochs, fit.batch_size) == (16, 100, 256)
    assert fit.encoder_widths == fit.decoder_widths == (1024,) * 4
    assert (fit.beta_start, fit.beta_end, fit.anneal_start, fit.anneal_end) == (0.001, 0.4, 10, 49)
    finetune = FinetuneSettings()
    assert (finetune.batch_size, finetune.num_epochs, finetune.weight_decay) == (512, 5, 0.01)
    assert (finetune.head_scale, finetune.augmentation) == (1.0, 0.0)


def test_the_paper_preset_says_what_the_defaults_say() -> None:
    load_configuration(PAPER)
    presets = FitSettings(), FinetuneSettings(), ExtractSettings()
    load_configuration(None)
    assert presets == (FitSettings(), FinetuneSettings(), ExtractSettings())


def test_the_quick_preset_differs_in_the_amount_of_work_only() -> None:
    load_configuration(PAPER)
    paper = vars(FitSettings())
    load_configuration(Path("configs/quick.gin"))
    quick = vars(FitSettings())
    changed = {name for name in paper if paper[name] != quick[name]}
    assert changed == {"num_epochs", "anneal_start", "anneal_end"}


def test_overrides_win_and_nothing_stays_behind() -> None:
    load_configuration(PAPER, ["submission.Fit.seed = 7"])
    assert FitSettings().seed == 7
    load_configuration(PAPER)
    assert FitSettings().seed == 0


def test_the_operative_configuration_reruns_the_run(tmp_path: Path) -> None:
    load_configuration(PAPER, ["Fit.seed = 7", "Fit.encoder_widths = (8, 9)"])
    before = FitSettings()
    saved = tmp_path / "saved.gin"
    saved.write_text(operative_configuration())
    load_configuration(saved)
    assert FitSettings() == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Fit.num_epoch = 3", r"nearest name that can be set is Fit\.num_epochs"),
        ("Fitt.seed = 3", r"nearest name that can be set is Fit\.seed"),
        ("Fit.seed = ", "command line"),
        ("Fit.seed", "command line"),
        ("nonsense(", "command line"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load_configuration(PAPER, [line])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Fit.num_epochs = 0", "num_epochs"),
        ("Fit.learning_rate = -1.0", "learning_rate"),
        ("Fit.num_latents = 1", "num_latents"),
        ("Fit.encoder_widths = ()", "encoder_widths"),
        ("Fit.anneal_end = 3", "anneal_end"),
        ("Finetune.architecture = 'resnet18'", "architecture"),
        ("Finetune.validation_fraction = 1.0", "validation_fraction"),
        ("Extract.feature_type = 'float64'", "feature_type"),
        ("Fit.num_epochs = 'many'", "num_epochs"),
        ("Fit.encoder_widths = (1.5,)", "encoder_widths"),
    ],
)
def test_values_out_of_range_are_refused_by_name(line: str, name: str) -> None:
    load_configuration(PAPER, [line])
    settings = {"Fit": FitSettings, "Finetune": FinetuneSettings, "Extract": ExtractSettings}
    with pytest.raises(ValueError, match=name):
        settings[line.split(".")[0]]()


def test_a_missing_file_says_where_presets_are() -> None:
    with pytest.raises(FileNotFoundError, match="configs/"):
        load_configuration(Path("configs/none.gin"))


def test_presets_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load_configuration(Path("configs/quick.gin"))
    assert FitSettings().num_epochs == 30
