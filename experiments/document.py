"""Fills the tables of docs/results.md and README.md from the files of the rows."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from statistics import mean, stdev
from typing import Any

from experiments.audit import by_factor
from experiments.pictures import draw_accuracies, draw_limits, draw_scores
from experiments.rows import (
    ABLATIONS,
    GRID,
    MAIN,
    ROWS,
    UNPREPARED,
    Row,
    sizes_of,
)
from experiments.run import RESULTS, WEIGHTS, read_results
from submission.config.configuration import PROJECT
from submission.data.catalogue import FACTOR_NAMES
from submission.data.standin.scene import standin_space
from submission.errors import InputError
from submission.files import replacing, write_text
from submission.models.weights import read_card
from submission.scoring.metrics.catalogue import TITLES
from submission.scoring.reference import perfect_codes
from submission.scoring.results import Scores
from submission.scoring.score_codes import score_table

__all__ = ["filled", "score_line", "write_document"]

INFO = ("modularity", "explicitness", "compactness")
GAMES = ("sap_unit", "sap_times_10", "irs_clipped", "irs_outliers")
SPLIT = ("sap", "irs", "mig")
"""Metrics that are means over factors, or are shown by the latent of each."""

NOISE = 0.1
PERFECT = f"perfect code, noise {NOISE}"

Results = dict[Row, list[dict[str, Any]]]
Accuracies = dict[str, dict[str, float]]


def write_document() -> None:
    """Writes tables between their marks and the pictures beside docs/results.md.

    Raises:
        InputError: if a mark names no table.
    """
    read = {row: read_results(row) for row in ROWS}
    results = {row: content["trainings"] for row, content in read.items() if content}
    accuracy = read_card(WEIGHTS)["accuracy"]
    tables = _tables(results, accuracy)
    for path in (PROJECT / "docs/results.md", PROJECT / "README.md"):
        write_text(path, filled(path.read_text(encoding="utf-8"), tables))
    for name, png in _pictures(results, accuracy).items():
        with replacing(RESULTS / f"{name}.png") as beside:
            beside.write_bytes(png)


def _tables(results: Results, accuracy: Accuracies) -> dict[str, list[str]]:
    main = _chosen(results, MAIN)
    made_by = ("trainings", "seconds of a fit", "commit")
    domains = {r.title: t[0]["accuracy"] for r, t in results.items() if "accuracy" in t[0]}
    tables = {
        "scores": _scored(results, MAIN, made_by),
        "unprepared": _scored(results, UNPREPARED, made_by),
        "headline": [
            *_header("images", "code", TITLES.values()),
            *(line for rows in (MAIN, UNPREPARED) for line in _headlines(results, rows)),
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
            *(_audit(row.title, trainings) for row, trainings in main.items()),
        ],
        "accuracy": _accuracy_table(accuracy),
        "domains": _accuracy_table(domains) if domains else [],
        "factors": [
            *_header("code", "metric", FACTOR_NAMES),
            *(line for code, split in _splits(main).items() for line in _factor_lines(code, split)),
        ],
    }
    for number, rows in enumerate(ABLATIONS.values(), start=1):
        done = _chosen(results, rows)
        tables[f"ablation {number}"] = [
            *_header("change", TITLES.values(), *made_by),
            *(score_line(row.title, row.name, trainings) for row, trainings in done.items()),
        ]
    return tables


def _scored(results: Results, rows: Sequence[Row], made_by: Sequence[str]) -> list[str]:
    """Lays out rows on one domain and grid, with a perfect code last."""
    first = rows[0]
    return [
        *_header(f"{first.domain}, {first.grid}", TITLES.values(), *made_by),
        *(score_line(row.title, row.name, t) for row, t in _chosen(results, rows).items()),
        _line(PERFECT, _perfect_cells(first.grid)) + " | | |",
    ]


def _headlines(results: Results, rows: Sequence[Row]) -> list[str]:
    """Lays out the presets without what made them, behind the name of the images."""
    presets = [row for row in rows if row.preset != "heads"]
    lines = [_scores(row.title, t) for row, t in _chosen(results, presets).items()]
    lines.append(_line(PERFECT, _perfect_cells(rows[0].grid)))
    return [f"| {rows[0].domain} {line}" for line in lines]


def _perfect_cells(grid: str) -> list[str]:
    perfect = _perfect(grid).values()
    return [_number(perfect[metric]) for metric in TITLES]


def _pictures(results: Results, accuracy: Accuracies) -> dict[str, bytes]:
    main = _chosen(results, MAIN)
    pictures = {
        "scores": draw_scores(
            _scores_by_title(main), _perfect(GRID).values(), TITLES, "Five metrics by preset"
        ),
        "accuracy": draw_accuracies(accuracy),
        "limits": draw_limits(_splits(main), {metric: TITLES[metric] for metric in SPLIT}),
    }
    for number, (title, rows) in enumerate(ABLATIONS.items(), start=1):
        done = _chosen(results, rows)
        if done:
            goal = _perfect(rows[0].grid).values()
            pictures[f"ablation-{number}"] = draw_scores(
                _scores_by_title(done), goal, TITLES, title, first_is_baseline=True
            )
    return pictures


def _chosen(results: Results, rows: Sequence[Row]) -> Results:
    """Takes out of what was run these rows, in their order."""
    return {row: results[row] for row in rows if row in results}


@cache
def _perfect(grid: str) -> Scores:
    space = standin_space(sizes_of(grid))
    return score_table(perfect_codes(space, NOISE), space)


def _scores_by_title(results: Results) -> dict[str, list[dict[str, float]]]:
    return {row.title: [t["scores"] for t in trainings] for row, trainings in results.items()}


def _splits(results: Results) -> dict[str, dict[str, dict[str, float]]]:
    """Gives what each factor adds to a metric, as means over trainings, and in a perfect code."""
    splits = {
        row.title: {
            name: {
                metric: mean(t["by_factor"][name][metric] for t in trainings) for metric in SPLIT
            }
            for name in FACTOR_NAMES
        }
        for row, trainings in results.items()
    }
    return {**splits, PERFECT: by_factor(_perfect(GRID))}


def filled(text: str, tables: dict[str, list[str]]) -> str:
    """Puts each table between its marks, `<!-- NAME -->` and `<!-- end -->`.

    Args:
        text: Markdown; marks of other names are refused, tables without a mark left out.
        tables: lines by name.

    Raises:
        InputError: if a mark names no table.
    """

    def fill(match: "re.Match[str]") -> str:
        name = match["name"]
        if name not in tables:
            raise InputError(f"expected a mark out of {', '.join(tables)}, got {name!r}")
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
            *_means(trainings, lambda training: training["audit"].get("infomec", {}), INFO),
            *_means(trainings, lambda training: training["audit"], GAMES),
        ],
    )


def _factor_lines(title: str, split: dict[str, dict[str, float]]) -> list[str]:
    return [
        _line(title, [TITLES[metric], *(_number(split[name][metric]) for name in FACTOR_NAMES)])
        for metric in SPLIT
    ]


def _means(
    trainings: Sequence[dict[str, Any]],
    pick: Callable[[dict[str, Any]], dict[str, float]],
    names: Sequence[str] | dict[str, str],
) -> list[str]:
    cells = []
    for name in names:
        values = [pick(training)[name] for training in trainings if name in pick(training)]
        if len(values) < len(trainings):
            cells.append("-")
            continue
        spread = f" ± {_number(stdev(values))}" if len(values) > 1 else ""
        cells.append(_number(mean(values)) + spread)
    return cells


def _number(value: float) -> str:
    return f"{value:z.3f}"


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
