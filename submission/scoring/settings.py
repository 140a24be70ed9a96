"""How much each metric draws: the challenge's numbers, and what they may be changed to."""

from dataclasses import dataclass, field, fields

from submission.errors import InputError

__all__ = [
    "ALL_METRICS",
    "DciSettings",
    "FactorVaeSettings",
    "IrsSettings",
    "MigSettings",
    "SapSettings",
    "Settings",
    "check_metrics",
]

ALL_METRICS = ("factor_vae", "dci", "sap", "irs", "mig")


def _check_counts(settings: object) -> None:
    """Refuses counts below 1."""
    for entry in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, entry.name)
        if isinstance(value, int) and value < 1:
            raise InputError(f"expected {entry.name} of at least 1, got {value}")


@dataclass(frozen=True)
class FactorVaeSettings:
    """Settings of the FactorVAE score.

    Attributes:
        num_variance_estimate: rows that estimate each latent's variance over the whole set.
        num_train: votes that decide which factor a latent stands for.
        num_eval: votes that are scored.
        batch_size: rows with one factor held fixed that make one vote.
        prune_threshold: latents of a smaller standard deviation take no part; above 0, since
            a constant latent divides 0 by 0 and spoils every vote.
    """

    num_variance_estimate: int = 10_000
    num_train: int = 10_000
    num_eval: int = 5_000
    batch_size: int = 64
    prune_threshold: float = 0.05

    def __post_init__(self) -> None:
        _check_counts(self)
        if not self.prune_threshold > 0:
            raise InputError(
                f"expected a prune_threshold above 0, got {self.prune_threshold}; "
                "without one a constant latent makes the score meaningless"
            )
        if self.batch_size < 2 or self.num_variance_estimate < 2:
            raise InputError("expected at least 2 rows to take a variance of")


@dataclass(frozen=True)
class DciSettings:
    """Settings of DCI: rows that fit the trees, rows that test them, rows per draw."""

    num_train: int = 10_000
    num_test: int = 5_000
    batch_size: int = 16

    def __post_init__(self) -> None:
        _check_counts(self)


@dataclass(frozen=True)
class SapSettings:
    """Settings of SAP, all factors discrete: rows to fit, rows to test, rows per draw."""

    num_train: int = 10_000
    num_test: int = 5_000
    batch_size: int = 16

    def __post_init__(self) -> None:
        _check_counts(self)


@dataclass(frozen=True)
class IrsSettings:
    """Settings of IRS: rows, rows per draw, bins of the factors, quantile of the deviations."""

    num_train: int = 10_000
    batch_size: int = 16
    num_bins: int = 20
    diff_quantile: float = 0.99

    def __post_init__(self) -> None:
        _check_counts(self)
        if not 0 < self.diff_quantile <= 1:
            raise InputError(f"expected a diff_quantile in (0, 1], got {self.diff_quantile}")


@dataclass(frozen=True)
class MigSettings:
    """Settings of MIG: rows, rows per draw, equal-width bins of each latent."""

    num_train: int = 10_000
    batch_size: int = 16
    num_bins: int = 20

    def __post_init__(self) -> None:
        _check_counts(self)


@dataclass(frozen=True)
class Settings:
    """Settings of the five metrics; the defaults are the challenge's.

    Rows per draw matter although every row is looked up the same way: the library draws factor by
    factor within a batch, so another batch size gives other rows for the same seed.
    """

    factor_vae: FactorVaeSettings = field(default_factory=FactorVaeSettings)
    dci: DciSettings = field(default_factory=DciSettings)
    sap: SapSettings = field(default_factory=SapSettings)
    irs: IrsSettings = field(default_factory=IrsSettings)
    mig: MigSettings = field(default_factory=MigSettings)


def check_metrics(metrics: tuple[str, ...]) -> None:
    """Refuses an empty choice of metrics, a repeated one and an unknown one.

    Raises:
        ValueError: naming the metrics there are.
    """
    if not metrics or len(set(metrics)) != len(metrics) or not set(metrics) <= set(ALL_METRICS):
        raise InputError(f"expected distinct metrics out of {ALL_METRICS}, got {metrics}")
