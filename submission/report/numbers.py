"""Numbers of the report as text. A number that rounds to zero has no sign."""

__all__ = ["grouped", "percent", "score", "share", "signed"]


def score(value: float | None) -> str:
    """Gives three decimals; "-" for a score that there is none of.

    Example:
        >>> score(0.8125), score(-0.0001), score(None)
        ('0.812', '0.000', '-')
    """
    return "-" if value is None else f"{value:z.3f}"


def signed(value: float) -> str:
    """Gives two decimals, with a sign unless they are zero.

    Example:
        >>> signed(0.5), signed(-0.5), signed(-0.001)
        ('+0.50', '-0.50', '0.00')
    """
    return f"{value:+z.2f}".replace("+0.00", "0.00")


def percent(value: float | None) -> str:
    """Gives whole percent; "-" for a share that there is none of.

    Example:
        >>> percent(0.125), percent(-0.001)
        ('12 %', '0 %')
    """
    return "-" if value is None else f"{100 * value:z.0f} %"


def grouped(value: int) -> str:
    """Gives a whole number with a comma between thousands.

    Example:
        >>> grouped(41472)
        '41,472'
    """
    return f"{value:,}"


def share(value: float, whole: float) -> str:
    """Gives a length in CSS, from 0 % to 100 %.

    Example:
        >>> share(0.25, 0.5), share(-1, 1)
        ('50.0%', '0.0%')
    """
    return f"{100 * min(max(value / whole, 0), 1):.1f}%"
