"""One camera's whole problem: the paint of what stands still, then of arm and object."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.fit.descent import State
from experiments.fit.ground import SCALE, Stills, ground_matrix, solve_ground, with_ground
from experiments.fit.parameters import Parameter, moved
from experiments.fit.solid import Solids, seen, solve_solids
from experiments.fit.solve import loss_of
from submission.data.standin.look import Look

__all__ = ["CameraFit"]

FloatArray = npt.NDArray[np.float64]

OF_THE_ROOM = ("cameras", "ring", "walls", "plate", "blur")
"""Fields of which the look of what stands still depends."""


@dataclass(frozen=True, eq=False)
class CameraFit:
    """What is known of one camera.

    Attributes:
        stills: its backdrop.
        solids: pixels near arm and object, or None to look at the backdrop alone.
    """

    stills: Stills
    solids: Solids | None

    def solve(self, look: Look) -> State:
        """Solves the paint of a look."""
        stills, solids = self.stills, self.solids
        matrix = ground_matrix(look, stills)
        ground = solve_ground(matrix, stills.target)
        painted = with_ground(look, stills.view, ground.solution)
        loss = loss_of(stills.target - matrix @ ground.solution, SCALE)
        if solids is not None:
            painted, answers = solve_solids(painted, solids)
            behind = solids.behind(painted)
            level = seen(painted, solids, behind)
            target = np.where((solids.levels >= 250) & (level > 250), level, solids.levels)
            loss += loss_of(target - level, solids.scale)
        base = painted

        def slopes(parameters: Sequence[Parameter]) -> tuple[FloatArray, FloatArray]:
            columns = []
            for parameter in parameters:
                near = moved(base, [parameter], [parameter.step])
                of_room = parameter.field in OF_THE_ROOM
                parts = []
                change = np.zeros_like(ground.errors)
                if of_room:
                    now = ground_matrix(near, stills)
                    change = (now - matrix) @ ground.solution * ground.weights[:, None]
                    change = ground.left_over(change)
                parts.append(change.ravel())
                if solids is not None:
                    beside = solids.behind(near) if of_room else behind
                    moves = seen(near, solids, beside) - level
                    parts += [
                        answer.left_over(moves[:, c] * answer.weights)
                        for c, answer in enumerate(answers)
                    ]
                columns.append(np.concatenate(parts))
            left = [ground.errors.ravel()]
            if solids is not None:
                left += [answer.errors for answer in answers]
            return np.stack(columns, axis=1), np.concatenate(left)

        return State(painted, loss, slopes)
