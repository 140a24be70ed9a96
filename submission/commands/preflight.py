"""`python -m submission preflight`: checks of the commit, and a fix for each fault."""

import click

from submission.config.configuration import PROJECT
from submission.console import say
from submission.errors import InputError
from submission.submit.repository import Repository

__all__ = ["preflight"]


@click.command()
def preflight() -> None:
    """Check the current commit for faults that would make it fail on the server."""
    from submission.submit.preflight.checks import check_submission
    from submission.submit.preflight.verdict import table

    repository = Repository(PROJECT)
    verdicts = check_submission(repository)
    say(table(verdicts))
    num_failed = sum(not verdict.passed for verdict in verdicts)
    if num_failed:
        raise InputError(
            f"{num_failed} of {len(verdicts)} checks failed; the table above has a fix for each"
        )
    say(f"commit {repository.commit[:12]} is ready: python -m submission submit --tag v1.0")
