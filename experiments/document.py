"""Fills the tables of docs/results.md and README.md from the files of the rows."""

import re
from collections.abc import Callable, Sequence
from statistics import mean, stdev
from typing import Any

from experiments.audit import by_factor
from experiments.pictures import draw_accuracies, draw_scores
from experiments.rows import ABLATIONS, GRID, MAIN, ROWS, Row, sizes_of
from experiments.run import RESULTS, WEIGHTS, read_results
from submission.configuration import PROJECT
from submission.data.catalogue import FACTOR_NAMES
from submission.data.standin.scene import standin_space
from submission.files import replacing
from submission.models.weights import read_card
from submission.scoring.reference import score_perfect_codes
from submission.scoring.settings import ALL_METRICS
from submission.scoring.tables import TITLES

__all__ = ["filled", "score_line", "write_document"]

INFO = ("modularity", "explicitness", "compactness")
GAMES = ("sap_unit", "sap_times_10", "irs_clipped", "irs_outliers")
NOISE = 0.1


def write_document() -> None:
    """Writes tables between their marks and the pictures beside docs/results.md.

    Raises:
        ValueError: if a mark is missing.
    """
    read = {row: read_results(row) for row in ROWS}
    results = {row: content["trainings"] for row, content in read.items() if content}
    card = read_card(WEIGHTS)
    space = standin_space(sizes_of(GRID))
    perfect_scores = score_perfect_codes(space, NOISE, 0, ALL_METRICS)
    perfect = perfect_scores.values()
    main = [row for row in MAIN if row in results]
    reference = _line("perfect code, noise .1", [_number(perfect[m]) for m in TITLES])
    tables = {
        "scores": [
            *_header("preset", TITLES.values(), "trainings", "seconds of a fit", "commit"),
            *(score_line(row.title, row.name, results[row]) for row in main),
            reference + " | | | |",
        ],
        "headline": [
            *_header("standin_real, 6,6,2,3,3,10,10", TITLES.values()),
            *(_scores(row.title, results[row]) for row in main if row.grid == GRID),
            reference,
        ],
        "audit": [
            *_header(
                "preset",
                TITLES.values(),
                "InfoM",
                "InfoE",
                "InfoC",
                "SAP, std 1",
                "SAP, std 10",
                "IRS, clipped",
                "IRS, outliers",
            ),
            *(_audit(row.title, results[row]) for row in main),
        ],
        "accuracy": _accuracy_table(card["accuracy"]),
        "factors": [
            *_header("code", "metric", FACTOR_NAMES),
            *(line for row in main if row.grid == GRID for line in _by_factor(row, results[row])),
            *_factor_lines("perfect code, noise .1", [by_factor(perfect_scores)]),
        ],
    }
    domains = {
        row.title: trainings[0]["accuracy"]
        for row, trainings in results.items()
        if row.finetuning is not None
    }
    tables["domains"] = _accuracy_table(domains) if domains else []
    for number, rows in enumerate(ABLATIONS.values(), start=1):
        tables[f"ablation {number}"] = [
            *_header("change", TITLES.values(), "trainings", "seconds of a fit", "commit"),
            *(score_line(row.title, row.name, results[row]) for row in rows if row in results),
        ]
    for path in (PROJECT / "docs/results.md", PROJECT / "README.md"):
        text = filled(path.read_text(encoding="utf-8"), tables)
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")
    # The line of the perfect code is that of one grid.
    shown = [row for row in main if row.grid == GRID]
    scores = {row.title: [t["scores"] for t in results[row]] for row in shown}
    for name, png in {
        "scores": draw_scores(scores, perfect, TITLES),
        "accuracy": draw_accuracies(card["accuracy"]),
    }.items():
        with replacing(RESULTS / f"{name}.png") as beside:
            beside.write_bytes(png)


def filled(text: str, tables: dict[str, list[str]]) -> str:
    """Puts each table between its marks, `<!-- NAME -->` and `<!-- end -->`.

    Args:
        text: Markdown; marks of other names are refused, tables without a mark left out.
        tables: lines by name.

    Raises:
        ValueError: if a mark names no table.
    """

    def fill(match: "re.Match[str]") -> str:
        name = match["name"]
        if name not in tables:
            raise ValueError(f"expected a mark out of {', '.join(tables)}, got {name!r}")
        return "\n".join([f"<!-- {name} -->", *tables[name], "<!-- end -->"])

    return re.sub(r"<!-- (?P<name>(?!end)[^>]*?) -->\n.*?<!-- end -->", fill, text, flags=re.S)


def score_line(title: str, name: str, trainings: Sequence[dict[str, Any]]) -> str:
    """Writes a row of scores with what made it.

    Args:
        title: what the row is.
        name: of the row, as the command line knows it.
        trainings: at least one, as a row's file has them; seconds are None if it was interrupted.
    """
    timed = [training["seconds"] for training in trainings if training["seconds"] is not None]
    seconds = f"{mean(timed):.0f}" if timed else "not timed"
    commits = ", ".join(sorted({training["commit"] for training in trainings}))
    scores = _scores(f"{title} (`{name}`)", trainings)
    return f"{scores} {len(trainings)} | {seconds} | {commits} |"


def _scores(title: str, trainings: Sequence[dict[str, Any]]) -> str:
    return _line(title, _means(trainings, lambda training: training["scores"], TITLES))


def _audit(title: str, trainings: Sequence[dict[str, Any]]) -> str:
    return _line(
        title,
        [
            *_means(trainings, lambda training: training["audit"]["second_seed"], TITLES),
            *_means(trainings, lambda training: training["audit"]["infomec"], INFO),
            *_means(trainings, lambda training: training["audit"], GAMES),
        ],
    )


def _by_factor(row: Row, trainings: Sequence[dict[str, Any]]) -> list[str]:
    return _factor_lines(row.title, [training["by_factor"] for training in trainings])


def _factor_lines(title: str, splits: Sequence[dict[str, dict[str, float]]]) -> list[str]:
    lines = []
    for metric in ("sap", "irs", "mig"):
        cells = [_number(mean(split[name][metric] for split in splits)) for name in FACTOR_NAMES]
        lines.append(_line(title, [TITLES[metric], *cells]))
    return lines


def _means(
    trainings: Sequence[dict[str, Any]],
    pick: Callable[[dict[str, Any]], dict[str, float]],
    names: Sequence[str] | dict[str, str],
) -> list[str]:
    cells = []
    for name in names:
        values = [pick(training)[name] for training in trainings]
        spread = f" ± {_number(stdev(values))}" if len(values) > 1 else ""
        cells.append(_number(mean(values)) + spread)
    return cells


def _number(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if value < 1 else f"{value:.2f}"


def _line(title: str, cells: Sequence[str]) -> str:
    return f"| {title} | " + " | ".join(cells) + " |"


def _header(first: str, *rest: Any) -> list[str]:
    names = [name for part in rest for name in ([part] if isinstance(part, str) else part)]
    return [_line(first, names), "|---" * (len(names) + 1) + "|"]


def _accuracy_table(accuracy: dict[str, dict[str, float]]) -> list[str]:
    names = list(next(iter(accuracy.values())))
    lines = _header("images", [name.replace("_", " ") for name in names])
    for images, values in accuracy.items():
        cells = [_accuracy(name, values[name]) for name in names]
        lines.append(_line(images.replace("_", " "), cells))
    return lines


def _accuracy(name: str, value: float) -> str:
    return f"{value:.2f}" if name.endswith("_error") else f"{100 * value:.1f}"
