"""Writes the report of an experiment: a page, and its pictures as single files."""

from pathlib import Path
from typing import Any

from submission.files import replacing
from submission.report.carriers import RULES, VERDICTS, Carrier, carriers_of
from submission.report.experiment import Experiment, read_experiment
from submission.report.illustrations import Picture, bars, curves, heat_maps, histograms, words_of
from submission.report.matrices import Matrix, following, matrices_of, order_latents
from submission.report.page import render_page
from submission.report.traversal import NUM_VALUES, TAIL
from submission.report.traversal_images import NUM_ORDINARY, show_traversals
from submission.scoring.settings import ALL_METRICS
from submission.scoring.text_tables import IRS_NOTE, TITLES
from submission.server.environment import Environment

__all__ = ["write_report"]


def write_report(environment: Environment, folder: Path) -> Path:
    """Writes the report of an experiment that has been scored.

    Args:
        environment: where the experiment and its data are.
        folder: where to write.

    Returns:
        The page, `report.html`; its pictures lie beside it in `figures/`.

    Raises:
        MissingFileError: if there are no scores, or no images.
        InputError: if scores, model, codes and images do not belong together.
        OutputError: if the output cannot be written.
    """
    content, pictures = _collect(read_experiment(environment))
    for picture in pictures:
        with replacing(folder / "figures" / f"{picture.name}.png") as beside:
            beside.write_bytes(picture.png)
    page = folder / "report.html"
    with replacing(page) as beside:
        beside.write_text(render_page(content), encoding="utf-8")
    return page


def _collect(experiment: Experiment) -> tuple[dict[str, Any], list[Picture]]:
    """Gathers the template's variables, and the pictures that become single files."""
    scores, table = experiment.scores, experiment.table
    matrices = matrices_of(scores)
    deciding = matrices[0]
    active = scores.latents.std >= scores.settings.factor_vae.prune_threshold  # (C,)
    order = order_latents(deciding, active)
    roles = _roles(experiment, deciding, active.tolist())
    labels = [
        f"z{latent}" if active[latent] else f"z{latent} (off)"
        for latent in range(scores.num_latents)
    ]
    carriers = carriers_of(scores, deciding)
    drawn = {
        "matrices": heat_maps(matrices, order, labels, scores.factor_names),
        "bars": bars(carriers),
        "histograms": []
        if table is None
        else histograms(table, order, scores.latents.std.tolist(), roles),
        "curves": curves(experiment.curves),
    }
    factors = following(deciding)
    followed = {
        latent: scores.factor_names[factors[latent]] if factors[latent] >= 0 else ""
        for latent in order
        if active[latent]
    }
    anchor, traversals = (
        show_traversals(table, experiment.images, followed) if table and followed else (None, [])
    )
    content = {
        "experiment": experiment,
        "scores": scores,
        "images": experiment.images,
        "titles": {
            metric: TITLES[metric]
            for metric in ALL_METRICS
            if any(metric in row.means for row in experiment.result.rows)
        },
        "irs_note": IRS_NOTE,
        "deciding": deciding,
        "carriers": carriers,
        "counts": _counts(carriers),
        "rules": RULES,
        "roles": roles,
        "stds": scores.latents.std.tolist(),
        "strengths": deciding.values.max(axis=1).tolist(),
        "followed": followed,
        "num_active": int(active.sum()),
        "anchor": anchor,
        "traversals": traversals,
        "num_values": NUM_VALUES,
        "tail": TAIL,
        "num_ordinary": min(NUM_ORDINARY, scores.num_rows),
        "words_of": words_of,
        "hashes": _hashes(experiment),
        "versions": {**experiment.training.get("versions", {}), **scores.versions},
        "seconds": _seconds(experiment),
        **drawn,
    }
    single = [picture for group in drawn.values() for picture in group]
    return content, single + [shown.strip for shown in traversals]


def _roles(experiment: Experiment, deciding: Matrix, active: list[bool]) -> list[str]:
    """Names the factor that each latent follows, or says that there is none."""
    names = experiment.scores.factor_names
    return [
        "off" if not on else "no single factor" if factor < 0 else words_of(names[factor])
        for factor, on in zip(following(deciding), active, strict=True)
    ]


def _counts(carriers: list[Carrier]) -> list[tuple[str, list[str]]]:
    """Groups the factors by verdict; verdicts without a factor are left out."""
    groups = [
        (word, [words_of(carrier.factor) for carrier in carriers if carrier.verdict == word])
        for word in VERDICTS
    ]
    return [(word, names) for word, names in groups if names]


def _hashes(experiment: Experiment) -> dict[str, str]:
    source, training = experiment.scores.source, experiment.training
    found = (
        {}
        if source is None
        else {
            "images": source.data_sha256,
            "exported representation": source.model_sha256,
            "settings": source.config_sha256,
        }
    )
    if "weights_sha256" in training:
        found["extractor's weights"] = training["weights_sha256"]
    return found


def _seconds(experiment: Experiment) -> list[tuple[str, float]]:
    """Lists how long each stage took: training, evaluation and, within it, each metric."""
    parts = (
        ("training", experiment.training.get("seconds", {})),
        ("evaluation", experiment.result.seconds),
        ("metric", {TITLES[name]: taken for name, taken in experiment.scores.seconds.items()}),
    )
    return [(f"{part}: {stage}", float(t)) for part, found in parts for stage, t in found.items()]
