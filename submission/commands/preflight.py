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
    from submission.submit.preflight.finding import table

    repository = Repository(PROJECT)
    findings = check_submission(repository)
    say(table(findings))
    num_failed = sum(not finding.passed for finding in findings)
    if num_failed:
        raise InputError(
            f"{num_failed} of {len(findings)} checks failed; the table above has a fix for each"
        )
    say(f"commit {repository.commit[:12]} is ready: python -m submission submit --tag v1.0")
