"""`python -m submission preflight`: what could make a submission fail, and what to do about it."""

import click

from submission.config.configuration import PROJECT
from submission.console import say
from submission.errors import InputError
from submission.submit.preflight.checks import check_submission
from submission.submit.preflight.finding import table
from submission.submit.repository import Repository

__all__ = ["preflight"]


@click.command()
def preflight() -> None:
    """Check the current commit for what could make it fail on the server."""
    repository = Repository(PROJECT)
    findings = check_submission(repository)
    say(table(findings))
    num_failed = sum(not finding.passed for finding in findings)
    if num_failed:
        raise InputError(
            f"{num_failed} of {len(findings)} checks failed; the fix is below each in the table"
        )
    say(f"commit {repository.commit[:12]} is ready: python -m submission submit --tag v1.0")
