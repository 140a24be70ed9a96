"""Weights, their card and an exported model on a model hub, by the hub's own client."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub import errors as hub_errors
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from submission.console import say
from submission.errors import InputError, MissingFileError, OutputError
from submission.files import sha256_of
from submission.models.weights import card_path, read_card
from submission.report.results import (
    MODEL_FILE,
    SCORES_FILE,
    other_model,
    read_result,
    scores_paths,
)

__all__ = ["hub_files", "push_to_hub"]

HTTPError: type[Exception] = vars(hub_errors)["HTTPError"]
"""Of the library that this version of the client speaks HTTP with."""


def hub_files(weights: Path, representation: Path | None) -> list[Path]:
    """Lists what is uploaded: weights and card, and the exported model with its scores.

    Args:
        weights: a `.safetensors` file with its card beside it.
        representation: an experiment's folder of that name; None to upload no model.

    Raises:
        MissingFileError: if a file is missing; scores may be.
        InputError: if the card belongs to other weights, or scores to another model.
    """
    files = [weights, card_path(weights)]
    if representation is not None:
        model, scored = representation / MODEL_FILE, scores_paths(representation)
        files += [model, *scored]
    for path in files:
        if not path.is_file():
            raise MissingFileError(
                f"expected {path} to upload, got no such file; finetuning makes weights and card, "
                "training makes the model"
            )
    if read_card(weights).get("sha256") != sha256_of(weights):
        raise InputError(
            f"expected the card {card_path(weights)} to hold the sha256 of {weights}, got another "
            "one; restore both files or finetune again"
        )
    if representation is not None:
        _require_scores_of(model, scored)
    return files


def _require_scores_of(model: Path, scored: Sequence[Path]) -> None:
    for path in scored:
        if reason := other_model(read_result(path).scores, model):
            raise InputError(
                f"expected scores of the model that is uploaded in {path}, got others: {reason}; "
                "delete the file, or evaluate again: python3 local_evaluation.py"
            )


def push_to_hub(
    files: Sequence[Path], repository: str, endpoint: str | None, *, is_public: bool
) -> str:
    """Uploads files in one commit, and makes the repository if there is none.

    With a model, other scores in the repository are deleted, since they may be an earlier model's;
    a line names each.

    The client finds the token: `hf auth login` or HF_TOKEN. It is neither printed nor stored here.

    Args:
        files: all of different names, which they have there too.
        repository: such as `user/name`.
        endpoint: address of the hub; None for the client's: HF_ENDPOINT or huggingface.co.
        is_public: whether a repository that is made here can be seen by everyone.

    Returns:
        The address of the repository.

    Raises:
        InputError: if there is no token, or the repository's name or the address is none.
        OutputError: if the hub refuses or cannot be reached.
    """
    token = get_token()
    # A token with other characters would be quoted in the client's complaint about it.
    if token is None or not re.fullmatch("[!-~]+", token):
        raise InputError(
            "expected a token that may write to the hub, got "
            + ("none" if token is None else "one with spaces or odd characters")
            + "; run hf auth login, or set HF_TOKEN"
        )
    api = HfApi(endpoint=endpoint, token=token)
    address = urlsplit(api.endpoint)
    if address.scheme not in ("http", "https") or not address.hostname or "@" in address.netloc:
        raise InputError(
            "expected an address such as https://huggingface.co, without a password, in --endpoint "
            "or HF_ENDPOINT, got another one"
        )
    additions = [CommitOperationAdd(path.name, path) for path in files]
    names = {path.name for path in files}
    try:
        api.create_repo(repository, private=not is_public, exist_ok=True)
        there = api.list_repo_files(repository) if MODEL_FILE in names else []
        old = [name for name in there if SCORES_FILE.fullmatch(name) and name not in names]
        for name in old:
            say(f"deleting {name} from {repository}: it may be of an earlier model")
        deletions = [CommitOperationDelete(name) for name in old]
        api.create_commit(
            repository, [*additions, *deletions], commit_message="Upload weights and model"
        )
    except HFValidationError as error:
        raise InputError(f"expected a repository such as user/name, got {repository!r}") from error
    except (HTTPError, RuntimeError) as error:
        if isinstance(error, RuntimeError):  # a failed transfer, whose progress bar stays open
            print(file=sys.stderr)
        raise OutputError(
            f"expected {api.endpoint} to take {repository}, got: {_reason(error)}; nothing was "
            "committed. See that the address is right and that the token may write there"
        ) from error
    return f"{api.endpoint}/{repository}"


def _reason(error: Exception) -> str:
    """Gives the hub's words, without the signed addresses that an error of the client quotes."""
    cause = error.__cause__ if isinstance(error, RuntimeError) else error
    if isinstance(cause, HfHubHTTPError):
        return f"status {cause.response.status_code}, {cause.server_message or 'no reason'}"
    return f"{type(cause).__name__} {cause}" if isinstance(cause, HTTPError) else str(error)
