"""The look on which settings are chosen."""

from pathlib import Path

import numpy as np

from experiments.validation import NAME, validation_look
from submission.data.standin.look import FOLDER, PARTS, look_named, write_look


def test_the_look_that_ships_is_the_one_that_was_drawn(tmp_path: Path) -> None:
    name = f"{NAME}.json"
    write_look(validation_look(), tmp_path / name)
    assert (tmp_path / name).read_text() == (FOLDER / name).read_text()


def test_every_number_lies_between_the_realistic_and_the_real_look() -> None:
    looks = [look_named(name) for name in ("standin_realistic", "standin_real")]
    drawn = validation_look()
    for part, kind in PARTS.items():
        for key in kind._fields:
            own = getattr(getattr(drawn, part), key)
            ends = [getattr(getattr(look, part), key) for look in looks]
            assert (own >= np.minimum(*ends) - 1e-9).all()
            assert (own <= np.maximum(*ends) + 1e-9).all()
    for look in looks:
        assert not np.allclose(drawn.scene.cameras, look.scene.cameras)
        assert not np.allclose(drawn.paint.colors, look.paint.colors)
