"""Checks the files of the commit: programs, weights, no data sets, no large files."""

import json
from pathlib import Path

from submission.data.images import DATASET_NAMES
from submission.files import sha256_of
from submission.submit.preflight.verdict import Verdict, judge
from submission.submit.repository import Repository

__all__ = ["check_data", "check_programs", "check_sizes", "check_tree", "check_weights"]

PROGRAM = Path("run.sh")
WEIGHTS = Path("weights/extractor.safetensors")
DATA_SUFFIXES = frozenset({".npz", ".npy", ".h5", ".hdf5", ".mat", ".tar", ".tgz", ".gz", ".zip"})
MIB = 1 << 20
DATA_SIZE = 1 * MIB
FILE_SIZE = 100 * MIB
COMMIT_SIZE = 512 * MIB
HISTORY_SIZE = 1024 * MIB


def check_tree(repository: Repository) -> Verdict:
    """Checks that the work tree equals the commit, since the server gets the commit."""
    return judge(
        "clean tree",
        [f"{name} is not committed" for name in repository.changes()],
        f"commit {repository.commit[:12]}",
        "commit what belongs to the submission (git add --all && git commit) and list the rest in "
        ".gitignore",
    )


def check_programs(repository: Repository) -> Verdict:
    """Checks that the server can start `run.sh`."""
    tracked = repository.tracked()
    if PROGRAM not in tracked:
        fix = f"git add {PROGRAM} && git commit"
        return Verdict("programs", f"{PROGRAM} is not in the commit", fix)
    wrong, fixes = [], []
    if not tracked[PROGRAM][1]:
        wrong.append(f"{PROGRAM} may not be executed")
        fixes.append(
            f"git update-index --chmod=+x {PROGRAM} && git commit && git checkout {PROGRAM}"
        )
    first = (repository.read(str(PROGRAM)) or "").split("\n")[0]
    if not first.startswith("#!"):
        wrong.append(f"{PROGRAM} does not begin with #!")
        fixes.append("begin run.sh with #!/usr/bin/env bash")
    if first.endswith("\r"):
        wrong.append(f"{PROGRAM} has Windows line ends, which no shell can start")
        fixes.append("sed -i 's/\\r$//' run.sh && git commit run.sh")
    return judge("programs", wrong, "run.sh can be started", "; ".join(fixes))


def check_weights(repository: Repository) -> Verdict:
    """Checks that the frozen weights are in the commit and match their card."""
    tracked = repository.tracked()
    card, path = WEIGHTS.with_suffix(".json"), repository.folder / WEIGHTS
    wrong = [f"{path} is not in the commit" for path in (WEIGHTS, card) if path not in tracked]
    fix = (
        f"python -m submission finetune, copy both files to {WEIGHTS.parent}/, then "
        f"git add --force {WEIGHTS} {card} && git commit"
    )
    if not wrong:
        fix = (
            f"git checkout COMMIT {WEIGHTS} {card} with a commit that had both right (git log "
            f"{WEIGHTS.parent}), or copy both files of one finetuning there; then git commit"
        )
        try:
            expected = str(json.loads(repository.read(str(card)) or "")["sha256"])
        except (ValueError, KeyError, TypeError):
            return Verdict("weights", f"{card} names no sha256", fix)
        digest = sha256_of(path) if path.is_file() else "no file"
        if digest != expected:
            wrong = [f"{WEIGHTS} has sha256 {digest[:12]}, its card says {expected[:12]}"]
    return judge("weights", wrong, "in the commit, sha256 as on their card", fix)


def check_data(repository: Repository) -> Verdict:
    """Checks that no data set is in the commit."""
    names = {f"{name}.npz" for name in DATASET_NAMES}
    found = [
        path
        for path, (size, _) in repository.tracked().items()
        if path.name in names
        or path.parts[0] == "scratch"
        or (size > DATA_SIZE and path.suffix in DATA_SUFFIXES)
    ]
    return judge(
        "no data sets",
        [f"{path} is in the commit" for path in found],
        "none in the commit",
        f"git rm --cached {' '.join(map(str, found[:3]))} && git commit; "
        "keep data sets in scratch/dataset, which git ignores",
    )


def check_sizes(repository: Repository) -> Verdict:
    """Checks the sizes of each file, of the commit and of the history."""
    files = repository.tracked()
    wrong = [
        f"{path} has {size / MIB:.0f} MiB, expected at most {FILE_SIZE // MIB}"
        for path, (size, _) in files.items()
        if size > FILE_SIZE
    ]
    total = sum(size for size, _ in files.values())
    if total > COMMIT_SIZE:
        wrong.append(f"the commit has {total / MIB:.0f} MiB, expected at most {COMMIT_SIZE // MIB}")
    history = repository.history_size()
    if history > HISTORY_SIZE:
        wrong.append(
            f"the history has {history / MIB:.0f} MiB, expected at most {HISTORY_SIZE // MIB}"
        )
    largest = max(files.items(), key=lambda item: item[1][0])
    return judge(
        "sizes",
        wrong,
        f"commit {total / MIB:.1f} MiB, history {history / MIB:.1f} MiB, largest {largest[0]}",
        "take large files out (git rm --cached FILE && git commit); if an earlier commit has them, "
        "start a branch without it: git checkout --orphan submission",
    )
