"""A small experiment on disk whose latents carry known factors."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from submission.data.image_file import write_images
from submission.data.images import open_images
from submission.data.standin.scene import standin_space
from submission.files import sha256_of, write_json
from submission.report.results import Result, scores_path, write_result
from submission.scoring.checks import summarise_latents
from submission.scoring.code_table import CodeTable, save_table
from submission.scoring.reference import perfect_codes
from submission.scoring.results import (
    DciScore,
    FactorVaeScore,
    IrsScore,
    MigScore,
    SapScore,
    Scores,
    Source,
)
from submission.scoring.settings import Settings
from submission.scoring.text_tables import Row
from submission.server.environment import Environment
from submission.training.curves import Curves

NAME = "standin_real"
SIZES = (3, 3, 2, 1, 2, 3, 3)
LATENT_OF = {
    "object_color": 4,
    "object_shape": 0,
    "object_size": 6,
    "background_color": 1,
    "horizontal_axis": 2,
    "vertical_axis": 7,
}
NUM_LATENTS = 9  # 3 and 8 are out of use, 5 follows nothing


@dataclass(frozen=True)
class Planted:
    """Where the experiment is, and what was put into it."""

    environment: Environment
    table: CodeTable
    scores: Scores

    @property
    def report(self) -> Path:
        """The folder of its report."""
        return self.environment.experiment_path / "report"


def planted_scores(table: CodeTable) -> Scores:
    """Makes scores in which each factor has its latent, the axes weakly so."""
    names = tuple(LATENT_OF)
    sizes = tuple(table.space.sizes[table.space.names.index(name)] for name in names)
    F, C = len(names), table.codes.shape[1]
    share = np.full((C, F), 0.02)
    for place, name in enumerate(names):
        share[LATENT_OF[name], place] = 0.9
    share[7, 4], share[2, 5] = 0.85, 0.6
    latents = summarise_latents(table.codes)
    best = share.argmax(axis=0)
    ordered = np.sort(share, axis=0)
    gaps = ordered[-1] - ordered[-2]
    accuracy = np.full(F, 0.95)
    return Scores(
        seed=0,
        kind="table",
        num_rows=len(table.codes),
        num_latents=C,
        factor_names=names,
        factor_sizes=sizes,
        fixed_factors=("camera_height",),
        settings=Settings(),
        latents=latents,
        notes=("Left out, with a single value: camera_height.",),
        seconds={"factor_vae": 1.0, "mig": 0.25},
        versions={"numpy": "1.26.4"},
        source=table.source,
        factor_vae=FactorVaeScore(
            eval_accuracy=0.99,
            train_accuracy=0.98,
            num_active_latents=7,
            active=latents.std > 0.05,
            global_variances=latents.std**2,
            train_votes=np.round(100 * share.T).astype(np.int64),
            eval_votes=np.round(50 * share.T).astype(np.int64),
            factor_of_latent=share.argmax(axis=1),
            accuracy_per_factor=np.linspace(0.9, 1, F),
        ),
        dci=DciScore(
            disentanglement=0.8,
            completeness=0.7,
            informativeness_train=1.0,
            informativeness_test=0.95,
            importances=share / share.sum(axis=0),
            disentanglement_per_latent=np.full(C, 0.8),
            weight_of_latent=np.full(C, 1 / C),
            completeness_per_factor=np.full(F, 0.7),
            train_accuracy_per_factor=np.ones(F),
            test_accuracy_per_factor=accuracy,
        ),
        sap=SapScore(0.3, share, gaps, best),
        irs=IrsScore(0.6, 7, share, share.max(axis=1), share.argmax(axis=1), np.ones(C)),
        mig=MigScore(
            mig=float(gaps.mean()),
            mutual_information=share * np.log(sizes),
            entropies=np.log(sizes),
            gap_per_factor=gaps,
            latent_of_factor=best,
            latents=latents,
        ),
    )


def write_scores(environment: Environment, scores: Scores) -> None:
    """Writes `scores.json`, or the file of another seed."""
    rows = (
        Row(f"{environment.evaluation_name} on {NAME}", scores.values()),
        Row("perfect code", {"factor_vae": 1.0, "mig": 0.94}),
        Row("paper, stage 2, on mpi3d_real", {"factor_vae": 0.992, "mig": 0.297}),
    )
    result = Result(scores, rows, {}, {"made_by": "exported file"}, {"codes": 1.5})
    write_result(result, scores_path(environment.representation_path, scores.seed))


def plant(folder: Path, name: str = "planted") -> Planted:
    """Writes images, codes, scores, curves and settings."""
    environment = Environment(folder / "shared", name, NAME, folder / "dataset", False, None)
    space = standin_space(SIZES)
    factors = space.index_to_factors(np.arange(space.num_points))  # (N, 7)
    shades = (60 + 60 * factors[:, [0, 1, 6]]).astype(np.uint8)
    pixels = np.broadcast_to(shades[:, None, None], (len(shades), 64, 64, 3)).copy()
    pixels[:, ::2, ::2] = 20
    write_images(
        environment.data_path / NAME / f"{NAME}.npz",
        pixels.shape,
        [(0, pixels)],
        factor_sizes=np.array(SIZES),
    )
    rng = np.random.default_rng(0)
    codes = rng.normal(0, 0.01, (space.num_points, NUM_LATENTS))
    codes[:, 5] = rng.normal(size=space.num_points)
    perfect = perfect_codes(space)
    environment.representation_path.mkdir(parents=True)
    environment.model_path.write_bytes(b"a model")
    environment.training_path.mkdir(parents=True)
    configuration = environment.training_path / "configuration.gin"
    configuration.write_text("Fit.num_epochs = 5\n")
    for factor, latent in LATENT_OF.items():
        codes[:, latent] += perfect[:, space.names.index(factor)]
    table = CodeTable(
        codes=codes.astype(np.float32),
        space=space,
        source=Source(
            data_name=NAME,
            data_sha256=open_images(NAME, environment.data_path).sha256,
            model_sha256=sha256_of(environment.model_path),
            config_sha256=sha256_of(configuration),
        ),
    )
    save_table(table, environment.training_path / "codes.safetensors")
    scores = planted_scores(table)
    write_scores(environment, scores)
    curves = Curves()
    for epoch in range(5):
        curves.add(epoch, {"loss": 1 / (epoch + 1), "beta": 0.1 * epoch})
    curves.write(environment.training_path)
    write_json(
        environment.training_path / "training.json",
        {
            "model_sha256": table.source.model_sha256,
            "weights_sha256": "b" * 64,
            "device": "cpu",
            "precision": "torch.float32",
            "feature_type": "torch.float16",
            "versions": {"torch": "2.14.1"},
            "seconds": {"fit": 12.5},
            "kl_per_latent": [1.25] * NUM_LATENTS,
        },
    )
    return Planted(environment, table, scores)


def keep_metrics(planted: Planted, *metrics: str) -> None:
    """Rewrites the scores with some metrics only."""
    dropped = {"factor_vae", "dci", "sap", "irs", "mig"} - set(metrics)
    scores = replace(planted.scores, **dict.fromkeys(dropped, None))  # type: ignore[arg-type]
    write_scores(planted.environment, scores)
