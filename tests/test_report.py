import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from submission.commands.report import report
from submission.data.image_file import write_images
from submission.data.images import open_images
from submission.errors import InputError, MissingFileError
from submission.files import sha256_of, write_json
from submission.report import write_report
from submission.report.experiment import is_look_alike
from submission.scoring.checks import summarise_latents
from submission.scoring.code_table import save_table
from submission.server.environment import Environment
from tests.page import Page
from tests.report_experiment import LATENT_OF, Planted, keep_metrics, plant, write_scores

IN_USE = (*LATENT_OF.values(), 5)
CHARTS = {
    *(f"matrix_{metric}" for metric in ("mig", "dci", "sap", "factor_vae", "irs")),
    *(f"confusion_{factor}" for factor in LATENT_OF),
    *(f"latent_z{latent:02d}" for latent in IN_USE),
    *("dependence", "violins", "curve_loss", "curve_beta"),
}
NUM_HELD = 3 + 3 + 2 + 2 + 3 + 3
NUM_STEPS = NUM_HELD + 7


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return plant(tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an experiment that no test changes."""
    planted = plant(tmp_path_factory.mktemp("written"))
    return write_report(planted.environment, planted.report)


def rename_data(planted: Planted, name: str, before: str = "standin_real") -> Environment:
    folder = planted.environment.data_path
    (folder / before / f"{before}.npz").rename(folder / before / f"{name}.npz")
    (folder / before).rename(folder / name)
    return replace(planted.environment, dataset_name=name)


def test_the_page_is_whole_and_asks_for_nothing_from_outside(written: Path) -> None:
    assert written.parts[-3:] == ("planted", "report", "report.html")
    text = written.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert len(text) < 5_000_000
    policy = next(meta["content"] for meta in page.named("meta") if "http-equiv" in meta)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    forbidden = {"script", "link", "iframe", "object", "embed", "base", "form", "video", "audio"}
    assert not forbidden & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            if name in ("src", "srcset", "href", "poster", "action", "data"):
                assert value is not None
                assert value.startswith("#" if tag == "a" else "data:image/png;base64,")
            assert not name.startswith("on")
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_every_picture_has_words_and_every_link_a_target(written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    pictures = page.named("img")
    assert len(pictures) == len(CHARTS) + 1 + NUM_STEPS + NUM_HELD + 12
    assert all(picture["alt"] for picture in pictures)
    targets = {attributes.get("id") for _, attributes in page.tags}
    assert {link["href"] for link in page.named("a")} <= {f"#{target}" for target in targets}
    assert len(page.named("h1")) == 1
    assert {"viewport", "color-scheme"} <= {meta.get("name") for meta in page.named("meta")}


def test_a_reader_learns_which_latent_carries_a_factor(written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    for factor, latent in LATENT_OF.items():
        name = factor.replace("_", " ")
        row = next(row for row in page.rows if re.match(rf"\s*{name} ", row))
        assert f" z{latent} " in row
        assert f"z{latent} alone tells 90 % of it" in row
        verdict = {"horizontal_axis": "shared", "vertical_axis": "mainly one"}
        assert verdict.get(factor, "one latent") in row


def test_pictures_lie_beside_the_page(written: Path) -> None:
    names = {file.name for file in (written.parent / "figures").iterdir()}
    assert names == {
        *(f"{name}.png" for name in CHARTS),
        *(f"traversal_z{latent:02d}.png" for latent in IN_USE),
    }


def test_the_same_experiment_gives_the_same_page(written: Path, planted: Planted) -> None:
    assert write_report(planted.environment, planted.report).read_bytes() == written.read_bytes()


@pytest.mark.parametrize("metrics", [("irs",), ("factor_vae", "sap"), ("dci",)])
def test_a_report_of_some_metrics(planted: Planted, metrics: tuple[str, ...]) -> None:
    keep_metrics(planted, *metrics)
    path = write_report(planted.environment, planted.report)
    names = {file.stem for file in (path.parent / "figures").glob("matrix_*")}
    assert names == {f"matrix_{metric}" for metric in metrics}


def test_what_training_did_not_leave_is_left_out(planted: Planted) -> None:
    for name in ("codes.safetensors", "curves.csv", "training.json", "configuration.gin"):
        (planted.environment.training_path / name).unlink()
    text = write_report(planted.environment, planted.report).read_text(encoding="utf-8")
    assert text.count("Left out") >= 4
    assert "KL in nats" not in text
    assert 'class="steps"' not in text
    assert "Fit.num_epochs" not in text


def test_what_another_training_left_is_left_out(planted: Planted) -> None:
    folder = planted.environment.training_path
    write_json(folder / "training.json", {"model_sha256": "f" * 64, "device": "another device"})
    (folder / "configuration.gin").write_text("Fit.num_epochs = 7\n")
    text = write_report(planted.environment, planted.report).read_text(encoding="utf-8")
    assert "another device" not in text
    assert "Fit.num_epochs" not in text
    assert "curve_loss" not in {file.stem for file in (planted.report / "figures").iterdir()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("training.json", "{"),
        ("training.json", "[]"),
        ("training.json", '{"model_sha256": "MODEL", "seconds": "some"}'),
        ("training.json", '{"model_sha256": "MODEL", "kl_per_latent": [null]}'),
        ("training.json", '{"model_sha256": "MODEL", "versions": 3}'),
        ("curves.csv", "step,name,value\n0,loss,\n"),
        ("curves.csv", "epoch,loss\n0,2.5\n"),
    ],
)
def test_a_broken_file_of_the_training_is_named(planted: Planted, name: str, content: str) -> None:
    made = sha256_of(planted.environment.model_path)
    (planted.environment.training_path / name).write_text(content.replace("MODEL", made))
    with pytest.raises(InputError, match=rf"{name}, got .*delete the file"):
        write_report(planted.environment, planted.report)


def test_scores_of_a_model_that_was_replaced_are_refused(planted: Planted) -> None:
    before = planted.table.source.model_sha256[:12]
    planted.environment.model_path.write_bytes(b"another model")
    with pytest.raises(InputError, match=rf"scores\.json.*{before}.*local_evaluation\.py"):
        write_report(planted.environment, planted.report)
    planted.environment.model_path.unlink()
    with pytest.raises(InputError, match=r"pytorch_model\.pt.*local_evaluation\.py"):
        write_report(planted.environment, planted.report)
    assert not planted.report.exists()


def test_a_collapsed_representation_has_a_report(planted: Planted) -> None:
    table = replace(planted.table, codes=planted.table.codes * np.float32(0.001))
    save_table(table, planted.environment.training_path / "codes.safetensors")
    latents = summarise_latents(table.codes)
    write_scores(planted.environment, replace(planted.scores, latents=latents))
    text = write_report(planted.environment, planted.report).read_text(encoding="utf-8")
    assert "No latent is in use" in text
    assert "0 of them in use" in text


def test_names_are_text(tmp_path: Path) -> None:
    planted = plant(tmp_path, "<b onload=x>&")
    page = Page(write_report(planted.environment, planted.report).read_text(encoding="utf-8"))
    assert not page.named("b")


def test_a_look_alike_is_called_one(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert "standin_real is a rendered look-alike" in text
    assert "not MPI3D scores" in text


def test_only_rows_of_the_same_images_share_a_table(written: Path) -> None:
    tables = written.read_text(encoding="utf-8").split("</table>")
    (ours,) = (table for table in tables if "planted on standin_real" in table)
    (published,) = (table for table in tables if "on mpi3d_real" in table.partition("<table")[2])
    assert "perfect code" in ours
    assert ours is not published


def test_the_subjects_row_is_the_mean_of_its_seeds(planted: Planted) -> None:
    scores = replace(planted.scores, dci=None, sap=None, irs=None, factor_vae=None)
    assert scores.mig is not None
    write_scores(planted.environment, scores)
    for seed, mig in ((1, 0.5), (2, 0.6)):
        other = replace(scores, seed=seed, mig=replace(scores.mig, mig=mig))
        write_scores(planted.environment, other)
    assert scores.source is not None
    stale = replace(scores.source, model_sha256="f" * 64)
    write_scores(planted.environment, replace(scores, seed=3, source=stale))
    page = Page(write_report(planted.environment, planted.report).read_text(encoding="utf-8"))
    (row,) = (row for row in page.rows if "planted on standin_real" in row)
    assert "0, 1, 2" in row
    assert f" {(scores.mig.mig + 0.5 + 0.6) / 3:.3f} " in row
    assert f"0.500 to {scores.mig.mig:.3f}" in row


def test_a_reader_sees_how_far_a_traversal_is_from_what_was_asked(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    misses = [float(number) for number in re.findall(r"<span>off ([0-9.]+)</span>", text)]
    assert len(misses) == NUM_STEPS
    assert min(misses) < 0.1
    marked = text.count('<li class="off">')
    assert f"{marked} of {NUM_STEPS} images" in " ".join(text.split())


def test_the_divergence_of_each_latent_is_shown(written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    rows = [row for row in page.rows if re.match(r"\s*z\d ", row)]
    assert len(rows) == 9
    assert all("1.250" in row for row in rows)


def test_only_look_alikes_are_called_so(planted: Planted, tmp_path: Path) -> None:
    """A stand-in's file says what its grid is, also under another set's name."""
    images = open_images("standin_real", planted.environment.data_path)
    published = tmp_path / "published.npz"
    write_images(published, (1, 64, 64, 3), [(0, np.zeros((1, 64, 64, 3), np.uint8))])
    assert is_look_alike(images)
    assert is_look_alike(replace(images, name="mpi3d_real"))
    assert not is_look_alike(replace(images, name="mpi3d_real", path=published))
    assert not is_look_alike(replace(images, name="dsprites_full"))


def test_parts_of_other_experiments_are_refused(planted: Planted) -> None:
    other = replace(planted.table, source=replace(planted.table.source, model_sha256="f" * 64))
    save_table(other, planted.environment.training_path / "codes.safetensors")
    with pytest.raises(InputError, match=r"codes.*--encode"):
        write_report(planted.environment, planted.report)
    renamed = rename_data(planted, "standin_toy")
    with pytest.raises(InputError, match=r"standin_real.*standin_toy.*AICROWD_DATASET_NAME"):
        write_report(renamed, planted.report)
    rename_data(planted, "standin_real", "standin_toy")
    (planted.environment.representation_path / "scores.json").write_text("{}")
    with pytest.raises(InputError, match=r"scores\.json.*local_evaluation\.py"):
        write_report(planted.environment, planted.report)
    (planted.environment.representation_path / "scores.json").unlink()
    with pytest.raises(MissingFileError, match=r"scores\.json.*local_evaluation\.py"):
        write_report(planted.environment, planted.report)


def test_the_command_says_where_the_page_is(planted: Planted, tmp_path: Path) -> None:
    variables = {
        "AICROWD_OUTPUT_PATH": str(planted.environment.output_path),
        "AICROWD_EVALUATION_NAME": "planted",
        "AICROWD_DATASET_NAME": "standin_real",
        "DISENTANGLEMENT_LIB_DATA": str(planted.environment.data_path),
    }
    done = CliRunner().invoke(
        report, ["--output", str(tmp_path / "out")], env=variables, catch_exceptions=False
    )
    assert done.output.splitlines()[-1] == f"report: {tmp_path / 'out/report.html'}"
    assert (tmp_path / "out/report.html").is_file()


def test_no_bar_or_caption_claims_a_range_that_numbers_leave(planted: Planted) -> None:
    """IRS can fall below 0."""
    irs = planted.scores.irs
    assert irs is not None
    matrix = irs.matrix.copy()
    matrix[3, 2] = -0.35
    low = replace(irs, irs=-0.1, matrix=matrix)
    scores = replace(planted.scores, dci=None, sap=None, mig=None, factor_vae=None, irs=low)
    write_scores(planted.environment, scores)
    text = write_report(planted.environment, planted.report).read_text(encoding="utf-8")
    assert "Entries here: -0.35 to 0.90." in text
    shares = [float(share) for share in re.findall(r"--share: ([-0-9.]+)%", text)]
    assert min(shares) == 0
    assert max(shares) <= 100
