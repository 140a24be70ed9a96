"""Runs a function in processes that see each other as torchrun's do, each on one thread."""

import multiprocessing
import os
import pickle
import socket
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch

from tests.narrow import narrowed, vgg11_channels

__all__ = ["run_in_processes"]

PRELOADED = ["tests.processes", "torch._dynamo", "submission.training.finetune.finetune"]
LONGEST = 120.0
"""Seconds after which a process counts as hung."""


def run_in_processes(num_processes: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Calls `work(*arguments)` in new processes at the same time.

    The processes are forked from one that has imported what they need. Their VGG11 has the channels
    of the caller's.

    Args:
        num_processes: how many; with one, nothing tells the process that torchrun exists.
        work: a function of a module.
        arguments: for every process.

    Returns:
        By process, what the call returned, or the exception that ended it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for number in range(num_processes):
        ours, theirs = context.Pipe(duplex=False)
        variables = {} if num_processes == 1 else _variables(number, num_processes, port)
        process = context.Process(
            target=_work, args=(theirs, variables, vgg11_channels(), work, arguments), daemon=True
        )
        process.start()
        theirs.close()
        started.append((process, ours))
    results = []
    for process, ours in started:
        assert ours.poll(LONGEST), "a process hangs"
        result = pickle.loads(ours.recv_bytes())
        process.join(LONGEST)
        results.append(result)
    return results


def _variables(number: int, num_processes: int, port: int) -> dict[str, str]:
    return {
        "TORCHELASTIC_RUN_ID": "test",
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(num_processes),
        "LOCAL_WORLD_SIZE": str(num_processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def _work(
    pipe: Connection,
    variables: dict[str, str],
    channels: tuple[int | str, ...],
    work: Callable[..., Any],
    arguments: tuple[Any],
) -> None:
    os.environ.update({"CUDA_VISIBLE_DEVICES": "", **variables})
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    try:
        with narrowed(channels):
            result = work(*arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is handed on
        traceback.print_exc()
        result = error
    pipe.send_bytes(pickle.dumps(result))  # by value: a sent tensor would end with this process
