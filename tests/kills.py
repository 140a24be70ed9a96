"""Kills the real command at moments drawn from a seed and starts it again until it is done.

Each start is a process of its own, forked from one that has imported what the commands import, so
that a start costs a fraction of a second. A process computes on one thread.
"""

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch

from submission.cli import main
from tests.narrow import narrowed, vgg11_channels

ROOT = Path(__file__).parents[1]
PRELOADED = (
    "tests.kills",
    "torch._dynamo",
    "submission.commands.train",
    "submission.commands.finetune",
    "submission.training.finetune.finetune",
    "submission.training.finetune.start",
)
LONGEST = 600.0
"""Seconds after which a start counts as hung; a busy machine takes minutes."""


@dataclass(frozen=True)
class Kill:
    """A signal to send some seconds after a text first stands in the log.

    Attributes:
        stage: the text.
        delay: seconds after it.
        kind: the signal.
    """

    stage: str
    delay: float
    kind: signal.Signals = signal.SIGKILL


@dataclass(frozen=True)
class Ended:
    """How a start ended.

    Attributes:
        status: the exit status, minus the signal's number when a signal ended the process.
        log: standard output and standard error.
        reached: per stage the seconds from the start until the log first held it.
        seconds: from the start to the end.
    """

    status: int
    log: str
    reached: dict[str, float]
    seconds: float

    @property
    def stage(self) -> str:
        """The stage in which it ended."""
        return list(self.reached)[-1] if self.reached else ""


@dataclass(frozen=True)
class Command:
    """`python -m submission` with its words and variables.

    Attributes:
        words: subcommand and options.
        variables: put into the environment; AICROWD_ variables from outside are taken out.
        stages: texts of the log that mark where each stage of the work begins, in order.
    """

    words: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    stages: Sequence[str] = ()

    def start(self, log: Path, kill: Kill | None = None) -> Ended:
        """Starts the command, sends it the signal, and waits for its end.

        Args:
            log: file that receives the output.
            kill: the signal and its moment; None for no signal.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        log.write_bytes(b"")
        process = context.Process(
            target=_work, args=(self.words, dict(self.variables), vgg11_channels(), log)
        )
        begin = time.monotonic()
        process.start()
        assert process.pid is not None
        reached: dict[str, float] = {}
        while process.is_alive():
            now = time.monotonic() - begin
            assert now < LONGEST, log.read_text()
            if len(reached) < len(self.stages):
                text = log.read_text()
                reached |= {s: now for s in self.stages if s in text and s not in reached}
            if kill and kill.stage in reached and now >= reached[kill.stage] + kill.delay:
                os.kill(process.pid, kill.kind)
                kill = None
            time.sleep(0.005)
        process.join()
        assert process.exitcode is not None
        return Ended(process.exitcode, log.read_text(), reached, time.monotonic() - begin)


def random_kills(
    undisturbed: Ended, seed: int, kind: signal.Signals = signal.SIGKILL
) -> Iterator[Kill]:
    """Draws kills without end: a stage, and a moment of it as long as it took undisturbed."""
    dice = random.Random(seed)
    begins = list(undisturbed.reached.items())
    ends = [when for _, when in begins[1:]] + [undisturbed.seconds]
    while True:
        (stage, begin), end = dice.choice(list(zip(begins, ends, strict=True)))
        yield Kill(stage, dice.uniform(0, end - begin), kind)


def start_until_done(
    command: Command, folder: Path, kills: Iterator[Kill], num_kills: int
) -> list[Ended]:
    """Starts a command again and again until a start succeeds; kills the first ones.

    Args:
        command: what to start.
        folder: receives the logs.
        kills: the signals; each start takes one.
        num_kills: number of starts to kill. The next start runs to its end.

    Returns:
        How each start ended. A start that ends before its signal is the last one.
    """
    ends: list[Ended] = []
    while not ends or ends[-1].status != 0:
        kill = next(kills) if len(ends) < num_kills else None
        ends.append(command.start(folder / f"start{len(ends)}.log", kill))
        expected = (0,) if kill is None else (0, -kill.kind)
        assert ends[-1].status in expected, ends[-1].log
    return ends


def survive(
    command_in: Callable[[Path], Command],
    folder: Path,
    compare: Callable[[Path], None],
    *,
    num_kills: int,
    num_runs: int = 2,
    seed: int = 0,
) -> list[Ended]:
    """Kills runs of a command until enough were killed; each must end as the run without kills.

    Args:
        command_in: makes the command that writes into a folder.
        folder: where the runs' folders are made.
        compare: receives the folder of a finished run, first that of the run without kills; raises
            if the folder is not as it should be.
        num_kills: least number of starts that are killed.
        num_runs: runs at the same time, which share the kills.
        seed: decides stages and moments.

    Returns:
        The starts that were killed.
    """
    place = folder / "undisturbed"
    place.mkdir()
    command = command_in(place)
    undisturbed = command.start(place / "start.log")
    assert undisturbed.status == 0, undisturbed.log
    assert list(undisturbed.reached) == list(command.stages), undisturbed.log
    compare(place)

    def kill(number: int) -> list[Ended]:
        kills = random_kills(undisturbed, seed + number)
        share = -(-num_kills // num_runs)
        killed: list[Ended] = []
        for attempt in range(share):  # a run may end before all its kills
            place = folder / f"killed{number}.{attempt}"
            place.mkdir()
            ends = start_until_done(command_in(place), place, kills, share - len(killed))
            compare(place)
            killed += [end for end in ends if end.status < 0]
            if len(killed) == share:
                return killed
        raise AssertionError(f"{len(killed)} of {share} kills came before the end")

    with ThreadPoolExecutor(num_runs) as executor:
        return [end for ends in executor.map(kill, range(num_runs)) for end in ends]


def _work(
    words: Sequence[str], variables: dict[str, str], channels: tuple[int | str, ...], log: Path
) -> None:
    """Runs `python -m submission` in this process, with its output in a file."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for name in [name for name in os.environ if name.startswith("AICROWD_")]:
        del os.environ[name]
    os.environ.update({"CUDA_VISIBLE_DEVICES": "", **variables})
    torch.set_num_threads(1)
    with narrowed(channels):
        sys.exit(main(words))
