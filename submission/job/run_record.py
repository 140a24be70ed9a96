"""What a run leaves beside its results: progress, times, notes, and what it continues from."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from submission.config.configuration import Configuration, save_configuration
from submission.console import say
from submission.files import sha256_of, write_json
from submission.server.environment import Environment
from submission.training.features.store import FeatureStore

__all__ = ["Report", "RunRecord"]

Report = Callable[[float], object]
"""A function that receives the share that is done, in [0, 1]."""


class RunRecord:
    """Keeps the record of one run in the folder `training/` of its experiment.

    Checkpoints and stored features are named here and deleted here, when the run has ended.

    Args:
        environment: where the experiment is.
        configuration: the settings of the run.
        report: receives the share of the run that is done, rising from 0 to 1.
        writes: whether this process writes; only the first of several does.

    Raises:
        OutputError: if the file of settings cannot be written.
    """

    def __init__(
        self,
        environment: Environment,
        configuration: Configuration,
        report: Report,
        *,
        writes: bool,
    ) -> None:
        self._environment, self._configuration = environment, configuration
        self._report = report
        self._share = 0.0
        self._seconds: dict[str, float] = {}
        self._checkpoints: list[Path] = []
        self._store: FeatureStore | None = None
        self._started = environment.training_path / "started.gin"
        if writes:
            # An earlier model may be there; its file of settings stays until the new model is.
            groups = configuration.adapt, configuration.extract, configuration.fit
            save_configuration(self._started, *groups)
            (environment.representation_path / "results").mkdir(parents=True, exist_ok=True)

    @contextmanager
    def stage(self, name: str, end: float) -> Iterator[Report]:
        """Times a stage and yields the function that receives the share of the stage.

        Args:
            name: of the stage, in `training.json`.
            end: share of the run that is done when the stage ends.
        """
        began, begin = time.monotonic(), self._share

        def report(share: float) -> None:
            self._share = begin + (end - begin) * share
            self._report(self._share)

        yield report
        self._share = end
        self._seconds[name] = round(time.monotonic() - began, 2)

    def checkpoint(self, stage: str) -> Path:
        """Names the checkpoint of a stage."""
        path = self._environment.training_path / f"{stage}.ckpt"
        self._checkpoints.append(path)
        return path

    def feature_store(self, identity: str) -> FeatureStore:
        """Opens the store of a feature matrix.

        Args:
            identity: hash of all that decides the features. Later runs find the store by it.
        """
        folder = self._environment.output_path / f"features-{identity[:20]}"
        self._store = FeatureStore(folder)
        return self._store

    def settle_configuration(self) -> str:
        """Names the file of settings `configuration.gin`, now that the model is there.

        Returns:
            Its SHA-256.
        """
        path = self._started.replace(self._environment.configuration_path)
        return sha256_of(path)

    def finish(self, notes: dict[str, Any]) -> None:
        """Writes `training.json`, deletes what the run could continue from, and prints the times.

        Raises:
            OutputError: if the notes cannot be written.
        """
        write_json(self._environment.notes_path, {**notes, "seconds": self._seconds})
        for checkpoint in self._checkpoints:
            checkpoint.unlink(missing_ok=True)
        if self._store is not None and not self._configuration.extract.keep_features:
            self._store.remove()
        for stage, seconds in self._seconds.items():
            say(f"  {stage:<10}{seconds:>8.1f} s")
        self._report(1.0)
