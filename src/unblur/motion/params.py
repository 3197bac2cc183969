"""The numbers that decide how well motion is estimated, each with its unit and where it comes from.

They are passed to whoever uses them, so that an ablation is another value and not another
program. What the networks were trained with (windows, grids, maps) is no parameter: changing it
needs other networks. Where no other source is named, a number was chosen on the validation
photos of 0.1.0 (sides of 512 px, recipe ``configs/benchmark_recipe.toml``) before its release;
the single commands were not kept.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScaleParams:
    """On which scale motion is estimated, in how many windows, and what is worth refining.

    Attributes:
        longest_px: longest motion that fits the kernel grid of 64 px; longer ones are estimated on
            a smaller picture.
        longest_undone_px: longest motion that is undone on the picture itself; longer ones on a
            smaller picture.
        most_rows: of windows, along the shorter side of a picture.
        coarse_rows: of windows by which the scale is chosen, and of those that are looked at first.
        worth_refining: blur probability of a picture below which it is not refined.
    """

    longest_px: float = 34.0
    longest_undone_px: float = 160.0
    most_rows: int = 6
    coarse_rows: int = 3
    worth_refining: float = 0.1


@dataclass(frozen=True)
class FieldParams:
    """How windows are made to agree.

    Attributes:
        uniform: mean similarity between the windows' PSFs, in [0, 1], from which on one PSF may
            serve the whole picture.
        settled: the same from which on a few windows are enough, if ...
        surely_moved: ... the probability of blur of each is so high. Of 84 first looks none that
            passes belongs to a rotation; in all of them, all windows are alike.
        heard: share of the largest trust from which on a window has a say in whether the motion
            varies.
        borrow_px: distance, on the working scale, over which windows borrow from each other
            (standard deviation of a Gaussian).
        least_alike: similarity that windows that are not alike are counted with when they borrow.
    """

    uniform: float = 0.8
    settled: float = 0.85
    surely_moved: float = 0.9
    heard: float = 0.1
    borrow_px: float = 80.0
    least_alike: float = 0.05


@dataclass(frozen=True)
class RollParams:
    """When motion that varies is taken for camera roll.

    Attributes:
        fall: of the similarity, from the nearest to the farthest third of the pairs of windows,
            from which on a steady change is suspected.
        trend: correlation of similarity and distance below which it is.
        better_db: by how much more, as JudgeNet tells it, undoing the motion that varies must gain
            than undoing a shared one; so much less where the proposed field varied already. On 7
            validation photos the truth agrees in 6 (without a margin in 5); the seventh loses
            0.16 dB.
        better: without JudgeNet, the share by which the neighbours' PSFs must explain the windows
            at less energy than the shared one. It was right on 3 of the 7.
    """

    fall: float = 0.02
    trend: float = -0.25
    better_db: float = 0.3
    better: float = 0.01


@dataclass(frozen=True)
class StreakParams:
    """Which bright specks are light streaks, and when they are believed.

    Attributes:
        night: times that lamps have to be brighter than the photo is on average. Of 102 sharp
            photos by day and 102 blurred ones one group of specks each reached 7.5, none this.
        searched_px: side of the middle part that is searched.
        smallest_px, largest_px: sides of what may be a streak; smaller is a lamp that stood still.
        rim_px: dark pixels that must lie around it.
        brighter: times the light around it from which on a speck counts as a lamp.
        alike: likeness to one speck that makes a group of it.
        least_alike: mean likeness within a group that is believed.
        fewest: specks in such a group.
        least_share: of all specks, in such a group.
        most: specks that are compared, the brightest.
        clipped: light from which on a pixel is saturated.
        clipped_share: of such pixels, that makes a streak a poor one.
        least_rms_px: mean distance from its middle, below which it is a lamp, as the rays and glow
            of lamps are (2.4 px at most of 1,000 sharp photos).
        thickest: what covers more pixels than so many times its length is a thing.
        lamp_px: Gaussian that stands for a lamp and the glow around it.
        thinnings: Richardson-Lucy steps in which it is undone.
        confidence: in a PSF that streaks have drawn.
    """

    night: float = 10.0
    searched_px: int = 1024
    smallest_px: int = 5
    largest_px: int = 56
    rim_px: int = 4
    brighter: float = 4.0
    alike: float = 0.8
    least_alike: float = 0.86
    fewest: int = 4
    least_share: float = 0.3
    most: int = 60
    clipped: float = 0.97
    clipped_share: float = 0.2
    least_rms_px: float = 2.7
    thickest: float = 5.0
    lamp_px: float = 1.5
    thinnings: int = 40
    confidence: float = 0.9


@dataclass(frozen=True)
class EnergyParams:
    """What it costs to explain a window by a PSF: the misfit, and a price for each edge.

    Attributes:
        price: of an edge, for a window whose values spread by ``spread``.
        spread: standard deviation to which windows are brought first.
        last_beta: the splitting's last penalty, in units of the price.
        growth: of the penalty from step to step.
    """

    price: float = 2e-3
    spread: float = 0.15
    last_beta: float = 3e4
    growth: float = 3.0


@dataclass(frozen=True)
class RefineParams:
    """How far a PSF is refined, and where. FuseNet was trained behind these (``configs/fuse_net
    .toml``), so that others ask for another FuseNet to be at their best.

    Attributes:
        wide_px: side of the windows in which a shared PSF is estimated again: the more is seen, the
            surer.
        most_wide: such windows at most, those that show most. With two in place of four on pictures
            of 0.5 megapixels FuseNet's PSF gains 0.06 +- 0.04 dB (9 pictures).
        rounds: of estimates at most, the first one counted.
        settled: similarity of two estimates in turn from which on a further one is not worth its
            time.
        trust_power: of KernelNet's confidence, by which candidates are weighted: it is never far
            below 1.
        most_searched: windows of a varying field up to which each is searched by itself.
        flat: spread of a window, linear light, below which a search would only find noise.
        halved: whether candidates are also sought on the picture at half its size.
        thorough: whether several searches are made and their PSFs tried beside FuseNet's, windows
            that moved differently are searched one by one, and a PSF is searched again on a
            picture of twice the size.
        carried_px: side of the part in which a PSF is searched on a picture of twice the size.
        carried: likeness that it keeps, seen dimly, when it is carried up: one that gains detail
            only stays above 0.9; one that has turned into noise, which costs dB, falls below 0.6.
    """

    wide_px: int = 512
    most_wide: int = 2
    rounds: int = 3
    settled: float = 0.99
    trust_power: int = 4
    most_searched: int = 36
    flat: float = 2e-3
    halved: bool = True
    thorough: bool = True
    carried_px: int = 768
    carried: float = 0.8


@dataclass(frozen=True)
class FusionParams:
    """How candidates are weighted. FuseNet was trained with these weights among its maps.

    Attributes:
        collapsed: share of another candidate's length below which one has fallen for a point.
        costly: share by which a candidate's energy must exceed the least to count for 1/e of it.
    """

    collapsed: float = 0.6
    costly: float = 0.1


@dataclass(frozen=True)
class MotionParams:
    """All of them, as an estimator takes them.

    Example:
        >>> from dataclasses import replace
        >>> replace(MotionParams(), field=FieldParams(uniform=0.9)).field.uniform
        0.9
    """

    scale: ScaleParams = ScaleParams()
    field: FieldParams = FieldParams()
    roll: RollParams = RollParams()
    streaks: StreakParams = StreakParams()
    refine: RefineParams = RefineParams()
    fusion: FusionParams = FusionParams()


FAST_REFINE = RefineParams(rounds=2, halved=False, thorough=False)
"""One search and one further estimate: 44 windows of 256 px lose 0.4 of the 3.4 dB that are gained
otherwise, judged by the linear score (docs/results.md)."""

SCALE, FIELD, ROLL, STREAKS, ENERGY, REFINE, FUSION = (
    ScaleParams(),
    FieldParams(),
    RollParams(),
    StreakParams(),
    EnergyParams(),
    RefineParams(),
    FusionParams(),
)
"""The defaults: what every published figure was made with."""

MOTION = MotionParams()
"""All defaults as one value."""
