"""Writes a report: a page, and its pictures as single files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from submission.console import say
from submission.errors import InputError
from submission.files import replacing, write_text
from submission.report.carriers import RULES, VERDICTS, Carrier, carriers_of
from submission.report.codes_content import MOST_ROWS, Roles, content_of_codes
from submission.report.confusions import read_by_all
from submission.report.experiment import read_experiment
from submission.report.illustrations import curves, heat_maps, words_of
from submission.report.matrices import FOLLOWS, following, matrices_of, order_latents
from submission.report.page import render_page
from submission.report.score_rows import images_of, score_groups
from submission.report.subject import Subject
from submission.report.traversal import MOST_STEPS, NUM_VALUES, TAIL
from submission.report.traversal_images import NUM_ORDINARY
from submission.scoring.aggregate import Spread, spreads_of_seeds
from submission.scoring.metrics.catalogue import TITLES
from submission.scoring.text_tables import IRS_NOTE, Row, metrics_of, row_of_spreads
from submission.server.environment import Environment

__all__ = ["write_page", "write_report"]


def write_report(environment: Environment, folder: Path) -> Path:
    """Writes the report of a scored experiment; see `read_experiment` and `write_page`."""
    return write_page(read_experiment(environment), folder)


def write_page(subject: Subject, folder: Path) -> Path:
    """Writes the report of scored codes.

    Returns:
        The page, `report.html`; its pictures lie beside it in `figures/`.

    Raises:
        InputError: if none of the five metrics was computed.
        OutputError: if the output cannot be written.
    """
    if not subject.seeds:
        raise InputError(
            "expected at least one of the five metrics for a report, got none; add --metric mig"
        )
    say("drawing the report")
    content = _content(subject)
    for picture in content["files"]:
        with replacing(folder / "figures" / f"{picture.name}.png") as beside:
            beside.write_bytes(picture.png)
    page = folder / "report.html"
    write_text(page, render_page(content))
    return page


def _content(subject: Subject) -> dict[str, Any]:
    """Gathers the template's variables; `files` are the pictures that become single files."""
    scores = subject.scores
    matrices = matrices_of(scores)
    deciding = matrices[0]
    active = scores.latents.std >= scores.settings.factor_vae.prune_threshold  # (C,)
    factors = following(deciding).tolist()
    names = scores.factor_names
    nothing = "unknown" if deciding.floor is None else "no single factor"
    order = order_latents(deciding, active)
    roles = Roles(
        order=[c for c in order if active[c]],
        factors=factors,
        words=[
            "off" if not on else nothing if factor < 0 else words_of(names[factor])
            for factor, on in zip(factors, active.tolist(), strict=True)
        ],
    )
    labels = [f"z{c}" if on else f"z{c} (off)" for c, on in enumerate(active.tolist())]
    read = None
    if subject.codes is not None and subject.factors is not None:
        read = read_by_all(subject.codes, subject.factors)
    carriers = carriers_of(scores, deciding, read)
    maps, losses = heat_maps(matrices, order, labels, names), curves(subject.curves)
    latent_of = {it.factor: it.latent for it in carriers if it.latent is not None}
    of_codes = content_of_codes(subject, roles, latent_of)
    spreads = spreads_of_seeds(subject.seeds)
    rows = [_over_seeds(subject.rows[0], spreads), *subject.rows[1:]]
    return {
        "subject": subject,
        "scores": scores,
        "titles": {metric: TITLES[metric] for metric in metrics_of(rows)},
        "groups": score_groups(rows, images_of(scores), is_rendered=subject.is_rendered),
        "spreads": spreads,
        "irs_note": IRS_NOTE,
        "deciding": deciding,
        "carriers": carriers,
        "counts": _counts(carriers),
        "rules": RULES,
        "follows": FOLLOWS,
        "order": order,
        "roles": roles.words,
        "num_active": int(active.sum()),
        "strengths": deciding.values.max(axis=1).tolist(),
        "divergences": subject.training.get("kl_per_latent", []),
        "words_of": words_of,
        "hashes": _hashes(subject),
        "versions": {**subject.training.get("versions", {}), **scores.versions},
        "seconds": _seconds(subject),
        "matrices": maps,
        "curves": losses,
        "codes": of_codes,
        "most_rows": MOST_ROWS,
        "num_ordinary": min(NUM_ORDINARY, scores.num_rows),
        "num_values": NUM_VALUES,
        "most_steps": MOST_STEPS,
        "tail": TAIL,
        "files": [*maps, *losses, *of_codes.files],
    }


def _over_seeds(row: Row, spreads: Mapping[str, Spread]) -> Row:
    """Replaces the scores of one seed by means and standard deviations over all."""
    over = row_of_spreads(row.name, spreads)
    return replace(row, means={**row.means, **over.means}, stds={**row.stds, **over.stds})


def _counts(carriers: list[Carrier]) -> list[tuple[str, list[str]]]:
    """Groups the factors by verdict; verdicts without a factor are left out."""
    groups = [
        (word, [words_of(carrier.factor) for carrier in carriers if carrier.verdict == word])
        for word in VERDICTS
    ]
    return [(word, names) for word, names in groups if names]


def _hashes(subject: Subject) -> dict[str, str]:
    source, training = subject.scores.source, subject.training
    found = {}
    if source is not None:
        found = {
            "images": source.data_sha256,
            "exported representation": source.model_sha256,
            "settings": source.config_sha256,
        }
    if "weights_sha256" in training:
        found["extractor's weights"] = training["weights_sha256"]
    return found


def _seconds(subject: Subject) -> list[tuple[str, float]]:
    """Lists how long each stage took: training, evaluation and, within it, each metric."""
    parts = (
        ("training", subject.training.get("seconds", {})),
        ("evaluation", subject.seconds),
        ("metric", {TITLES[name]: taken for name, taken in subject.scores.seconds.items()}),
    )
    return [(f"{part}: {stage}", float(t)) for part, found in parts for stage, t in found.items()]
