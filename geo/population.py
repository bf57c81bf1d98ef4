"""Residents of communities, spread to their buildings."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def spread_residents(
    *,
    residents: ArrayLike,
    community_of_building: ArrayLike,
    floor_area_m2: ArrayLike,
    area_m2: ArrayLike,
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Spread each community's residents to its buildings.

    By floor area where every building of the community has one; else by ground area where every building has
    one; else equally. An area counts as known where it is finite and above zero.

    Parameters
    ----------
    residents : array_like of float, shape (communities,)
        Residents of each community; NaN where unknown.
    community_of_building : array_like of int, shape (buildings,)
        Position of each building's community; -1 for none.
    floor_area_m2, area_m2 : array_like of float, shape (buildings,)
        All floors together, and the ground covered; NaN where unknown.

    Returns
    -------
    building_residents : ndarray of float64, shape (buildings,)
        Not rounded; they sum to the community's residents. NaN where the community's residents are unknown,
        0 for a building of no community.
    basis : ndarray of str (object), shape (communities,)
        "floor_area", "area" or "equal"; "no_buildings" where nothing could take the residents; "unknown"
        where the residents are unknown.

    Raises
    ------
    ValueError
        If lengths differ, a community position does not exist, or a number of residents is negative or
        infinite.
    """
    people = np.asarray(residents, dtype=np.float64)
    community = np.asarray(community_of_building, dtype=np.int64)
    floor, ground = np.asarray(floor_area_m2, dtype=np.float64), np.asarray(area_m2, dtype=np.float64)
    _check(people, community, floor, ground)

    count = len(people)
    housed = community >= 0
    home = community[housed]
    buildings = np.bincount(home, minlength=count)
    weights = np.ones(home.size)
    basis = np.full(count, "equal", dtype=object)
    for name, size in (("area", ground[housed]), ("floor_area", floor[housed])):  # the later one wins
        usable = np.isfinite(size) & (size > 0.0)
        complete = np.bincount(home, weights=usable, minlength=count) == buildings
        basis[complete] = name
        weights = np.where(complete[home], np.where(usable, size, 1.0), weights)
    basis[buildings == 0] = "no_buildings"
    basis[np.isnan(people)] = "unknown"

    total = np.bincount(home, weights=weights, minlength=count)
    result = np.zeros(len(community))
    result[housed] = people[home] * (weights / total[home])
    return result, basis


def _check(
    people: NDArray[np.float64],
    community: NDArray[np.int64],
    floor: NDArray[np.float64],
    ground: NDArray[np.float64],
) -> None:
    if not len(community) == len(floor) == len(ground):
        raise ValueError(
            f"{len(community)} buildings came with {len(floor)} floor areas and {len(ground)} areas; "
            "give one of each for every building, NaN where unknown"
        )
    wrong = (community < -1) | (community >= len(people))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"building {at} names community {community[at]}, but there are {len(people)}; "
            "give its position, or -1 for none"
        )
    wrong = (people < 0.0) | np.isinf(people)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"community {at} has {people[at]} residents; give 0 or more, NaN where unknown")
