"""The datum guard: whether a layer fits where it is declared to be, or under another reading.

GCJ-02 and BD-09 move a point in China by 500 to 1,200 m, which no single row betrays; a whole layer does.

The rule
--------
The layer is read as declared and in every other plausible way: as WGS 84 (one frame with CGCS2000), GCJ-02 and
BD-09 where its coordinates are degrees that may lie in China, and with swapped axes. Each piece of `Evidence`, the
best first, says of each record under each reading whether it fits.

A reading is *clearly better* than another by some evidence if

- among the records that fit under only one of the two, so many speak for it that chance would bring them in less than
  one of a hundred cases (one-sided sign test, p < 0.01; seven to none is the least that suffices), or
- no record fits under the other, and more than half of them fit under it, or
- every record fits under it, and three or more do not under the other: a wrong reading that loses nobody and
  brings in all who were lost is too good for chance;

and, by evidence that asks whether records lie in some area, if it also fits nine in ten of them (otherwise a file that
reaches beyond the district would be drawn towards its denser side); and, by evidence that asks whether records lie near
something, only by the sign test, and only if it is clearly better, too, than the same records moved as far from it in
seven other directions (otherwise points on streets would seem to fit wherever chance puts them near buildings).

A reading that is clearly better than the declared one refuses the layer; the one that fits most records is named, with
all that fit equally and that weaker evidence does not tell to be worse. A reading than which the declared one is
clearly better is out, and no weaker evidence brings it back; so is one that misses some record while the declared one
fits all, except by nearness. Where a reading is left at the end, what is known cannot tell it from the declared one,
which is then taken, and the datum is *not verified*.

A few mislabelled records change nothing: they fit under no reading. A layer of one record is refused only where it does
not fit as declared and does under another reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from layers.text import Text, both, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layers.text import Language

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

P_VALUE = 0.01
CONVINCING_GAIN = 3
AREA_SHARE = 0.9
DIRECTIONS = 7
CONFUSABLE_DEG = 0.1
"""Readings farther apart than this are not mistaken for each other by nearness."""

EvidenceKind = Literal["named", "area", "near"]


@dataclass(frozen=True)
class Reading:
    """One way to understand the coordinates, and where the records are under it.

    Attributes
    ----------
    id : str
        For JSON and `remedy`.
    name : Text
    lon, lat : ndarray of float
        EPSG:4490; NaN where the reading makes no sense for a record.
    """

    id: str
    name: Text
    lon: FloatArray
    lat: FloatArray
    remedy: Text = both("")


@dataclass(frozen=True)
class Evidence:
    """Something known on the ground that records can be compared with.

    Attributes
    ----------
    id : str
    kind : {"named", "area", "near"}
        Records lie in what they name; or in some area; or near something.
    phrase : Text
        Finishes the sentence "516 of 516 points …".
    considered : ndarray of bool
        Records that it can speak about.
    fits : callable
        Takes lon and lat (EPSG:4490) of all records and says which fit.
    """

    id: str
    kind: EvidenceKind
    phrase: Text
    considered: BoolArray
    fits: Callable[[FloatArray, FloatArray], BoolArray]


@dataclass(frozen=True)
class Tally:
    """How many of the records considered fit, per reading, by one piece of evidence."""

    evidence: str
    of: int
    fits: dict[str, int]


@dataclass(frozen=True)
class Verdict:
    """What the guard found.

    Attributes
    ----------
    status : {"fits", "not_verified", "refused", "overridden"}
    declared : str
        Id of the declared reading.
    better : tuple of str
        Ids of the readings that fit better, best first, where it is refused.
    equal : tuple of str
        Ids of the readings that nothing tells from the declared one.
    tallies : tuple of Tally
    sentence : Text
    remedy : Text
    """

    status: Literal["fits", "not_verified", "refused", "overridden"]
    declared: str
    better: tuple[str, ...]
    equal: tuple[str, ...]
    tallies: tuple[Tally, ...]
    sentence: Text
    remedy: Text = both("")

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the verdict for JSON."""
        return {
            "status": self.status,
            "declared": self.declared,
            "better": list(self.better),
            "equal": list(self.equal),
            "evidence": [
                {"id": tally.evidence, "of": tally.of, "fits": tally.fits} for tally in self.tallies
            ],
            "sentence": self.sentence.to(language),
        }


def sign_test(gains: int, losses: int) -> float:
    """Return the chance of at least `gains` successes in ``gains + losses`` fair tosses (one-sided sign test)."""
    from scipy.special import bdtrc

    return 1.0 if gains == 0 else float(bdtrc(gains - 1, gains + losses, 0.5))


def judge(readings: Sequence[Reading], evidence: Sequence[Evidence], *, noun: Text) -> Verdict:
    """Compare the readings by the evidence; the rule is at the head of this module.

    Parameters
    ----------
    readings : sequence of Reading
        The declared one first.
    evidence : sequence of Evidence
        The best first.
    noun : Text
        What the records are: points, polygons.
    """
    declared, *others = readings
    tallies: list[Tally] = []
    first: tuple[Evidence, Tally] | None = None
    for at, piece in enumerate(evidence):
        total = int(piece.considered.sum())
        if not total:
            continue
        fits = _fits(piece, readings)
        tally = Tally(piece.id, total, {name: int(fit.sum()) for name, fit in fits.items()})
        tallies.append(tally)
        first = first or (piece, tally)
        better = [one for one in others if _clearly_better(one, declared, piece, fits)]
        if better:
            most = max(tally.fits[one.id] for one in better)
            best = _narrowed([one for one in better if tally.fits[one.id] == most], evidence[at + 1 :])
            return _refusal(declared, best, piece, tally, tallies, noun)
        others = [one for one in others if not _told_apart(declared, one, piece, fits)]
    equal = tuple(one.id for one in others)
    return Verdict(
        "not_verified" if others or first is None else "fits",
        declared.id,
        (),
        equal,
        tuple(tallies),
        _taken(declared, others, first, noun),
    )


def _fits(piece: Evidence, readings: Sequence[Reading]) -> dict[str, BoolArray]:
    return {one.id: piece.fits(one.lon, one.lat)[piece.considered] for one in readings}


def _narrowed(best: list[Reading], weaker: Sequence[Evidence]) -> list[Reading]:
    """Leave those of equal readings that no weaker evidence tells to be worse than another."""
    for piece in weaker:
        if len(best) > 1 and piece.considered.any():
            fits = _fits(piece, best)
            best = [
                one
                for one in best
                if not any(_clearly_better(other, one, piece, fits) for other in best if other is not one)
            ]
    return best


def _clearly_better(one: Reading, other: Reading, piece: Evidence, fits: dict[str, BoolArray]) -> bool:
    mine, theirs = fits[one.id], fits[other.id]
    if piece.kind == "area" and mine.sum() < AREA_SHARE * mine.size:
        return False
    if _wins(mine, theirs):
        return piece.kind != "near" or _is_peak(one, other, piece, mine)
    if piece.kind == "near":
        return False
    convincing = mine.all() and int((~theirs).sum()) >= CONVINCING_GAIN
    return bool(convincing or (not theirs.any() and 2 * mine.sum() > mine.size))


def _wins(mine: BoolArray, theirs: BoolArray) -> bool:
    return sign_test(int((mine & ~theirs).sum()), int((theirs & ~mine).sum())) < P_VALUE


def _is_peak(one: Reading, other: Reading, piece: Evidence, mine: BoolArray) -> bool:
    """Whether `one` wins, too, against itself moved as far as `other` in seven other directions."""
    stretch = np.cos(np.radians(one.lat))
    shift = np.column_stack([(other.lon - one.lon) * stretch, other.lat - one.lat])
    shift = shift[np.isfinite(shift).all(axis=1)]
    east, north = shift.mean(axis=0) if len(shift) else (np.inf, np.inf)
    if np.hypot(east, north) > CONFUSABLE_DEG:
        return True
    for turn in 2.0 * np.pi * np.arange(1, DIRECTIONS + 1) / (DIRECTIONS + 1):
        lon = one.lon + (east * np.cos(turn) - north * np.sin(turn)) / stretch
        lat = one.lat + east * np.sin(turn) + north * np.cos(turn)
        if not _wins(mine, piece.fits(lon, lat)[piece.considered]):
            return False
    return True


def _told_apart(declared: Reading, other: Reading, piece: Evidence, fits: dict[str, BoolArray]) -> bool:
    if piece.kind != "near" and fits[declared.id].all() and not fits[other.id].all():
        return True
    return _clearly_better(declared, other, piece, fits)


def _refusal(
    declared: Reading, best: list[Reading], piece: Evidence, tally: Tally, tallies: list[Tally], noun: Text
) -> Verdict:
    fitting = tally.fits[declared.id]
    only = Text("没有", "none") if fitting == 0 else Text(f"只有 {fitting} 个", f"only {fitting}")
    sentence = Text(
        "{names}相符：{of} 个{noun}中有 {most} 个{phrase}，按 {declared}{only}。",
        "{names} {verb}: {most} of {of} {noun} {phrase}, as {declared} {only}.",
    ).format(
        names=_names(best),
        verb=both("fits" if len(best) == 1 else "fit"),
        most=tally.fits[best[0].id],
        of=tally.of,
        noun=noun,
        phrase=piece.phrase,
        declared=_zh_spaced(declared.name),
        only=only,
    )
    return Verdict(
        "refused", declared.id, tuple(one.id for one in best), (), tuple(tallies), sentence, best[0].remedy
    )


def _taken(declared: Reading, equal: list[Reading], first: tuple[Evidence, Tally] | None, noun: Text) -> Text:
    if first is None:
        return Text(
            "基准未核实：没有可供比对的位置。", "Datum not verified: there is no position to compare."
        )
    piece, tally = first
    fitting = tally.fits[declared.id]
    counts = Text("{of} 个{noun}中有 {n} 个{phrase}", "{n} of {of} {noun} {phrase}").format(
        of=tally.of, noun=noun, n=fitting, phrase=piece.phrase
    )
    others = [one for one in equal if tally.fits[one.id] != fitting]
    if others:
        told = joined(
            [
                Text(
                    f"按 {one.name.zh} {tally.fits[one.id]} 个",
                    f"{tally.fits[one.id]} as {one.name.en}",
                )
                for one in others
            ]
        )
        counts = Text("{c}；{t}", "{c}; {t}").format(c=counts, t=told)
    if not equal and 2 * fitting < tally.of:
        return Text(
            "按{name}采用，但{counts}：请核对所写的归属。",
            "Taken as {name}, though only {counts}: check what the rows name.",
        ).format(name=_zh_spaced(declared.name), counts=counts)
    if not equal:
        return Text("{name}相符：{counts}。", "{name} fits: {counts}.").format(
            name=_zh_spaced(declared.name), counts=counts
        )
    return Text(
        "基准未核实：现有资料分不出{names}（{counts}）。",
        "Datum not verified: what is stored cannot tell {names} apart ({counts}).",
    ).format(names=_names([declared, *equal]), counts=counts)


def _names(readings: list[Reading]) -> Text:
    listed = joined([one.name for one in readings], last=Text("和", " and "))
    return _zh_spaced(listed)


def _zh_spaced(name: Text) -> Text:
    """Set a Latin name off from the Chinese words that follow it."""
    return Text(name.zh + (" " if name.zh[-1:].isascii() else ""), name.en)
