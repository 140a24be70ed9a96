"""What the report shows of the codes themselves, beyond their scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from submission.data.image_set import ImageSet
from submission.report.confusions import Confusion, read_by_tree
from submission.report.dependence import dependence_of
from submission.report.illustrations import (
    Picture,
    confusion_pictures,
    dependence_picture,
    histograms,
    violins,
    words_of,
)
from submission.report.modes import find_modes
from submission.report.outliers import Outlier, find_outliers
from submission.report.pictures import draw_picture
from submission.report.subject import Subject
from submission.report.traversal_images import Anchor, ShownTraversal, show_traversals

__all__ = ["MOST_ROWS", "CodesContent", "Roles", "content_of_codes"]


MOST_ROWS = 50_000
"""Codes that distributions, confusions and dependences are taken of."""

MOST_LATENTS = 20
"""Latents that are drawn against the factors, of those in use."""

NUM_OUTLIERS = 12


@dataclass(frozen=True)
class Roles:
    """What latents do.

    Attributes:
        order: the latents in use, in the order of the page.
        factors: for each of the C latents the place of the factor that it follows, or -1.
        words: the same in words.
    """

    order: list[int]
    factors: list[int]
    words: list[str]


@dataclass(frozen=True)
class _ShownOutlier:
    picture: Picture
    outlier: Outlier
    factors: list[tuple[str, int]]


@dataclass(frozen=True)
class CodesContent:
    """What the page shows of codes; empty or None what cannot be shown.

    Attributes:
        violins: latents by factor value.
        confusions: for each factor, how well its best latent alone tells it.
        histograms: of each latent in use.
        dependence: of the latents in use on each other.
        modes: how many modes each latent in use has.
        anchor: the image that the traversals begin at.
        traversals: one for each latent in use.
        outliers: the worst images.
    """

    violins: Picture | None = None
    confusions: Sequence[Picture] = ()
    histograms: Sequence[Picture] = ()
    dependence: Picture | None = None
    modes: Mapping[int, int] = field(default_factory=dict)
    anchor: Anchor | None = None
    traversals: Sequence[ShownTraversal] = ()
    outliers: Sequence[_ShownOutlier] = ()

    @property
    def files(self) -> list[Picture]:
        """The pictures that become single files."""
        single = [picture for picture in (self.violins, self.dependence) if picture is not None]
        strips = [shown.strip for shown in self.traversals]
        return [*single, *self.confusions, *self.histograms, *strips]


def content_of_codes(subject: Subject, roles: Roles, latent_of: Mapping[str, int]) -> CodesContent:
    """Draws the codes against factors, each other and images.

    Args:
        subject: whose codes.
        roles: of the latents.
        latent_of: the latent that carries each factor; none for a factor that no latent tells of.
    """
    if subject.codes is None or subject.factors is None or not roles.order:
        return CodesContent()
    num_rows = len(subject.codes)
    rows = np.random.default_rng(0).choice(num_rows, min(num_rows, MOST_ROWS), replace=False)
    chosen = np.sort(rows)
    codes, factors = subject.codes[chosen], subject.factors[chosen]
    names = subject.scores.factor_names
    confusions = [
        Confusion(name, latent_of[name], read_by_tree(codes[:, latent_of[name]], factors[:, f]))
        for f, name in enumerate(names)
        if name in latent_of
    ]
    modes = {latent: find_modes(subject.codes[:, latent]) for latent in roles.order}
    drawn = {latent: roles.factors[latent] for latent in roles.order[:MOST_LATENTS]}
    content = CodesContent(
        violins=violins(codes, factors, drawn, names),
        confusions=confusion_pictures(confusions),
        histograms=histograms(codes, modes, roles.words),
        modes={latent: len(found.centres) for latent, found in modes.items()},
    )
    if len(roles.order) > 1:
        dependence = dependence_picture(dependence_of(codes), roles.order)
        content = replace(content, dependence=dependence)
    if subject.images is None:
        return content
    followed = {c: names[roles.factors[c]] if roles.factors[c] >= 0 else "" for c in modes}
    anchor, traversals = show_traversals(subject.codes, subject.images, modes, followed)
    outliers = _outliers(subject, subject.images, [c for c in modes if followed[c]])
    return replace(content, anchor=anchor, traversals=traversals, outliers=outliers)


def _outliers(subject: Subject, images: ImageSet, latents: list[int]) -> list[_ShownOutlier]:
    """Shows the images whose codes are worst, by the latents that follow a factor."""
    if not latents or subject.codes is None or subject.factors is None:
        return []
    names = [words_of(name) for name in subject.scores.factor_names]
    shown = []
    for number, found in enumerate(
        find_outliers(subject.codes, subject.factors, latents, NUM_OUTLIERS)
    ):
        words = f"Image {found.row}, whose code is {found.distance:.1f} from what is expected."
        picture = Picture(f"outlier_{number}", draw_picture(images.images[found.row]), words)
        values = zip(names, subject.factors[found.row].tolist(), strict=True)
        shown.append(_ShownOutlier(picture, found, list(values)))
    return shown
