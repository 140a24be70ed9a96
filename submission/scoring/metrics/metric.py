"""What the settings and the results of all metrics share."""

from dataclasses import dataclass, fields

from submission.config.group import Group

__all__ = ["MetricScore", "MetricSettings"]


@dataclass(frozen=True)
class MetricSettings(Group):
    """Settings of a metric; the defaults are the challenge's."""

    @classmethod
    def group_name(cls) -> str:
        """The name in messages: that of the class, which a caller writes."""
        return cls.__name__


@dataclass(frozen=True, eq=False)
class MetricScore:
    """What one metric found. The first field is the number that is compared."""

    @property
    def score(self) -> float:
        """The number that is compared, higher is better."""
        value: float = getattr(self, fields(self)[0].name)
        return value
