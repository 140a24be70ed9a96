"""`python -m submission hub`: weights, card and exported model to a model hub."""

from pathlib import Path

import click

from submission.console import say
from submission.server.environment import read_environment

__all__ = ["hub"]


@click.command()
@click.argument("repository")
@click.argument("name", required=False)
@click.option(
    "--weights",
    type=Path,
    default=Path("weights/extractor.safetensors"),
    show_default=True,
    help="The extractor's file; its card lies beside it.",
)
@click.option("--endpoint", help="Address of the hub; HF_ENDPOINT or huggingface.co by default.")
@click.option("--public", is_flag=True, help="A repository made here can be seen by everyone.")
def hub(
    repository: str, name: str | None, weights: Path, endpoint: str | None, public: bool
) -> None:
    """Upload weights, card and exported model to a model hub.

    REPOSITORY is one such as user/name; it is made, for you alone, if there is none. NAME is an
    experiment in AICROWD_OUTPUT_PATH, whose exported model and scores are uploaded, too. With
    NAME, files of scores in REPOSITORY that this upload does not replace are deleted. The token
    comes from `hf auth login` or from HF_TOKEN.
    """
    from submission.submit.hub import hub_files, push_to_hub

    experiment = None if name is None else read_environment().output_path / name
    files = hub_files(weights, experiment and experiment / "representation")
    for path in files:
        say(f"uploading {path} ({path.stat().st_size:,} bytes)")
    say(f"uploaded to {push_to_hub(files, repository, endpoint, is_public=public)}")
