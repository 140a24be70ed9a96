"""All checks of a submission, in the order in which to mend their faults."""

from submission.errors import InputError
from submission.submit.preflight.contents import (
    check_data,
    check_programs,
    check_sizes,
    check_tree,
    check_weights,
)
from submission.submit.preflight.description import check_description
from submission.submit.preflight.image import check_image
from submission.submit.preflight.packages import check_lock
from submission.submit.preflight.verdict import Verdict
from submission.submit.rehearsal.run import read_rehearsal
from submission.submit.repository import Repository

__all__ = ["check_submission"]


def check_submission(repository: Repository) -> list[Verdict]:
    """Checks the current commit for faults that would make it fail on the server.

    Returns:
        One verdict per check.
    """
    return [
        check_description(repository),
        check_programs(repository),
        check_weights(repository),
        check_data(repository),
        check_sizes(repository),
        check_lock(repository),
        check_image(repository),
        check_tree(repository),
        _check_rehearsal(repository),
    ]


def _check_rehearsal(repository: Repository) -> Verdict:
    check, fix = "rehearsal", "python -m submission rehearse"
    try:
        content = read_rehearsal(repository)
    except InputError as error:
        return Verdict(check, str(error), fix)
    if content is None:
        return Verdict(check, f"commit {repository.commit[:12]} has not passed one", fix)
    if content["config"] is not None:
        return Verdict(check, f"used --config {content['config']}, which the server does not", fix)
    network = "with" if content["network"] else "without"
    return Verdict(check, f"passed in {content['seconds']:.0f} s, {network} network")
