"""The five metrics' settings in one value; the defaults are the challenge's."""

from dataclasses import dataclass, field

from submission.scoring.metrics.dci import DciSettings
from submission.scoring.metrics.factor_vae import FactorVaeSettings
from submission.scoring.metrics.irs import IrsSettings
from submission.scoring.metrics.mig import MigSettings
from submission.scoring.metrics.sap import SapSettings

__all__ = [
    "DciSettings",
    "FactorVaeSettings",
    "IrsSettings",
    "MigSettings",
    "SapSettings",
    "Settings",
]


@dataclass(frozen=True)
class Settings:
    """Settings of the five metrics; the defaults are the challenge's.

    The rows per draw (`batch_size`) change which rows a seed draws, because the library draws
    factor by factor within a batch.

    Example:
        >>> Settings(mig=MigSettings(num_bins=10)).mig
        MigSettings(num_train=10000, batch_size=16, num_bins=10)
    """

    factor_vae: FactorVaeSettings = field(default_factory=FactorVaeSettings)
    dci: DciSettings = field(default_factory=DciSettings)
    sap: SapSettings = field(default_factory=SapSettings)
    irs: IrsSettings = field(default_factory=IrsSettings)
    mig: MigSettings = field(default_factory=MigSettings)
