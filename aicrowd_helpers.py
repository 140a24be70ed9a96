"""The names by which the challenge's starter kit tells the server about a run.

For example: `import aicrowd_helpers; aicrowd_helpers.register_progress(0.5)`.
"""

from submission.starter_kit.events import (
    execution_error,
    execution_start,
    register_progress,
    submit,
)

__all__ = ["execution_error", "execution_start", "register_progress", "submit"]
