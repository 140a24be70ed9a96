"""The library's metrics need no TensorFlow, and give the same numbers without it."""

from tests.blocked import run_without

SCORES = """
import json
import numpy as np
from submission.factors import FactorSpace
from submission.scoring.score_codes import score_table
from submission.scoring.settings import (
    DciSettings, FactorVaeSettings, IrsSettings, MigSettings, SapSettings, Settings
)

settings = Settings(
    FactorVaeSettings(num_train=200, num_eval=100, num_variance_estimate=500),
    DciSettings(300, 200), SapSettings(300, 200), IrsSettings(num_train=300), MigSettings(300),
)
space = FactorSpace(("a", "b", "c"), (3, 4, 2))
factors = space.index_to_factors(np.arange(24))
noise = np.random.default_rng(0).normal(size=(24, 5))
codes = (np.pad(factors, ((0, 0), (0, 2))) + 0.4 * noise).astype(np.float32)
scores = score_table(codes, space, 0, settings=settings).to_dict()
del scores["seconds"]
print(json.dumps(scores))
"""

FIRST = """
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import gin.tf
assert "tensorflow" in sys.modules and hasattr(gin.tf, "GinConfigSaverHook")
"""

AFTER = """
import gin
assert "gin.tf" not in sys.modules and not hasattr(gin, "tf")
try:
    import gin.tf
except ImportError:
    print("gin.tf asks for TensorFlow again")
"""


def test_scores_are_the_same_to_the_bit_with_and_without_tensorflow() -> None:
    without = run_without(["tensorflow"], SCORES)
    assert without.returncode == 0, without.stderr
    beside = run_without([], FIRST + SCORES)
    assert beside.returncode == 0, beside.stderr
    assert without.stdout == beside.stdout
    assert '"dci"' in without.stdout


def test_nothing_stands_in_for_gin_tf_once_the_metrics_are_imported() -> None:
    done = run_without(
        ["tensorflow"],
        "from submission.scoring.library import library; library()" + AFTER,
    )
    assert done.stdout.splitlines()[-1] == "gin.tf asks for TensorFlow again", done.stderr
