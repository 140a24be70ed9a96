"""Two small grids, and settings with which the metrics draw few of their rows."""

from submission.factors import FactorSpace
from submission.scoring import Settings
from submission.scoring.settings import (
    DciSettings,
    FactorVaeSettings,
    IrsSettings,
    MigSettings,
    SapSettings,
)

FOUR_FACTORS = FactorSpace(("colour", "shape", "size", "angle"), (4, 3, 2, 7))
THREE_FACTORS = FactorSpace(("colour", "size", "angle"), (4, 2, 9))
SETTINGS = Settings(
    factor_vae=FactorVaeSettings(1000, 400, 300, 24, 0.05),
    dci=DciSettings(200, 100),
    sap=SapSettings(400, 200),
    irs=IrsSettings(700),
    mig=MigSettings(700),
)
