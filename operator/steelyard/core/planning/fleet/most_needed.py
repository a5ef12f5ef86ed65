"""How many replicas and pools a mix may have that has nothing to spare."""

from __future__ import annotations

from math import inf

import numpy as np

from steelyard.core.planning.fleet.fleet import WIDEST, Fleet, Whole


def most_needed(fleet: Fleet) -> Whole:
    """(W, P) replicas of a mix of which none can be taken away: what the load, the least number or the floor asks for; of pools that are
    not spot also what dilutes as many of those that are."""
    asks = (fleet.load > 0) | (fleet.least > 0) | (fleet.floor > 0).any(axis=1)
    can = (fleet.capacity > 0) & asks[:, None] & ~(fleet.spot & (fleet.spot_percent[:, None] <= 0))
    most = np.where(can, np.minimum(fleet.most, fleet.maximum[:, None]), 0)
    pace = np.where(can, fleet.capacity, inf)
    pace = np.where(fleet.even[:, None], pace.min(axis=1, initial=inf)[:, None], pace)
    need = np.maximum(np.maximum(np.ceil(fleet.load[:, None] / pace), fleet.least[:, None]), np.maximum(fleet.floor, 1))
    diluting = np.ceil(np.minimum(need, most)[:, fleet.spot].sum(axis=1) * (100 / np.maximum(fleet.spot_percent, 1) - 1))
    needed: Whole = np.minimum(np.where(fleet.spot, need, np.maximum(need, diluting[:, None])), most).astype(np.int64)
    return needed


def widest(fleet: Fleet) -> Whole:
    """(W,) pools at most: more than WIDEST where rules ask for them."""
    most: Whole = np.maximum(np.maximum((fleet.floor > 0).sum(axis=1), fleet.families), WIDEST)
    return most
