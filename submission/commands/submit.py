"""`python -m submission submit`: tag this commit and push it for evaluation."""

import click

from submission.config.configuration import PROJECT
from submission.console import say
from submission.submit.repository import Repository

__all__ = ["submit"]


@click.command()
@click.option("--tag", "name", required=True, help="The version, such as v1.2.")
@click.option("--remote", default="aicrowd", show_default=True, help="The git remote.")
def submit(name: str, remote: str) -> None:
    """Tag this commit and push it for evaluation, if it passes preflight."""
    from submission.submit.upload import upload

    say(f"checking the commit, then pushing it to {remote}; the first push may take some minutes")
    done = upload(Repository(PROJECT), name, remote)
    say(f"pushed {done.tag} at {done.commit[:12]} to {done.url}")
    say(f"watch it at {done.page or f'the page of issues of {remote}'}")
