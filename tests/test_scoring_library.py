"""The library's metrics need no TensorFlow, and give the same numbers without it."""

from tests.blocked import run_without

SCORES = """
import json
import numpy as np
from submission.factors import FactorSpace
from submission.scoring.score_codes import score_table
from submission.scoring.settings import FactorVaeSettings, Settings
from submission.scoring.metrics.dci import Trees, dci_of_trees

settings = Settings(FactorVaeSettings(num_train=200, num_eval=100, num_variance_estimate=500))
space = FactorSpace(("a", "b", "c"), (3, 4, 2))
factors = space.index_to_factors(np.arange(24))
noise = np.random.default_rng(0).normal(size=(24, 5))
codes = (np.pad(factors, ((0, 0), (0, 2))) + 0.4 * noise).astype(np.float32)
names = ("factor_vae", "sap", "irs", "mig")
scores = score_table(codes, space, 0, names, settings).to_dict()
del scores["seconds"]
print(json.dumps(scores))
# The library scores importances. Ours are the same trees in either case, and slow to compile.
found = dci_of_trees(Trees(np.abs(noise[:5, :3]), np.ones(3), np.ones(3)))
print([value.hex() for value in (found.disentanglement, found.completeness)])
print(found.disentanglement_per_latent.tobytes().hex())
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
    assert len(without.stdout.splitlines()) == 3


def test_nothing_stands_in_for_gin_tf_once_the_metrics_are_imported() -> None:
    done = run_without(
        ["tensorflow"],
        "from submission.scoring.library import library; library()" + AFTER,
    )
    assert done.stdout.splitlines()[-1] == "gin.tf asks for TensorFlow again", done.stderr
