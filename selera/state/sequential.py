"""Two conversion rates compared while the experiment runs, as often as anybody likes to look.

An ordinary test holds at one look that was fixed beforehand; who looks every day and stops at the
first p < 0.05 finds a winner between two equal versions several times as often. Here the interval
covers the difference at all looks together, with probability 1 - alpha: it is the asymptotic
confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central
limit theory and asymptotic confidence sequences", Annals of Statistics 52(6), for two samples

    d  =  p_t - p_c                                          n users, of whom a part p converted
    v  =  p_c (1 - p_c) / n_c  +  p_t (1 - p_t) / n_t        the variance of d
    t  =  n_c n_t / (n_c + n_t)                              half of a side, where they are equal
    d  +-  sqrt( 2 v (1 + t rho^2) / (t rho^2)  *  log( sqrt(1 + t rho^2) / alpha ) )

and, from its other side, the mixture sequential probability ratio test of Johari, Koomen, Pekelis &
Walsh (2022), "Always valid inference: continuous monitoring of A/B tests", Operations Research
70(3), whose p-value is 1 / Lambda with

    Lambda  =  exp( d^2 / (2 v)  *  t rho^2 / (1 + t rho^2) )  /  sqrt(1 + t rho^2)

Lambda is a likelihood ratio: against no difference stands a normal mixture of differences, whose
standard deviation is rho in units of one user's. rho is the one that makes the interval narrowest
at t = `TIGHTEST_AT`:  rho^2 = (-2 log alpha + log(-2 log alpha) + 1) / t.

Both hold in the limit of many users, and the rate of a handful of conversions is not yet normal. So
nothing is said (no winner, p = 1, the interval -1..1) before each side has `FEWEST` users who
converted and as many who did not.

Simulated, alpha = 0.05, a look after every 100 users: of two equal versions one wins within 20,000
users in 0.3 to 1.7 % of the runs (rates 1 to 50 %, shares 5 to 90 %). Of two unequal ones with
equal shares, half of the runs know the winner after this many users of both sides together:

    5 % against 7.5 %    3,900        2 % against 2.5 %   26,600       5 % against 5.5 %   57,700
    5 % against 6 %     15,900       10 % against 11 %    28,000
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Counts = tuple[int, int]
"""How many users there were, and how many of them converted."""

TIGHTEST_AT = 5_000
"""The t at which the interval is made narrowest: 10,000 users on each of two equal sides."""

FEWEST = 25
"""Conversions, and users without one, that each side needs before anything is said."""


class SequentialResult(msgspec.Struct, frozen=True):
    """What can be said now.

    difference : conversion rate of the treatment less that of the control; None if a side is empty
    low, high : where the true difference is, at all looks together with probability 1 - alpha
    p_value : in 0..1; at most alpha at any look with probability alpha where the rates are equal
    winner : the side with the higher rate where p_value <= alpha, else None
    """

    difference: float | None
    low: float
    high: float
    p_value: float
    winner: Literal["control", "treatment"] | None


def compare_rates(control: Counts, treatment: Counts, alpha: float = 0.05) -> SequentialResult:
    """Compare the counts so far; it may be called at every look, whatever the looks before said.

    Sides may be of any sizes that do not depend on who converts. Raises ValueError for counts that
    cannot be and for an alpha outside 0..1.
    """
    for n_users, n_converted in (control, treatment):
        if not 0 <= n_converted <= n_users:
            raise ValueError(f"{n_converted} of {n_users} users cannot have converted")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be above 0 and below 1, got {alpha}")
    (n_c, s_c), (n_t, s_t) = control, treatment
    if min(s_c, n_c - s_c, s_t, n_t - s_t) < FEWEST:
        early = s_t / n_t - s_c / n_c if n_c and n_t else None
        return SequentialResult(early, -1.0, 1.0, 1.0, None)
    difference = s_t / n_t - s_c / n_c
    variance = s_c * (n_c - s_c) / n_c**3 + s_t * (n_t - s_t) / n_t**3
    mixed = n_c * n_t / (n_c + n_t) * _rho_squared(alpha)
    shrunk = mixed / (1 + mixed)
    half = math.sqrt(2 * variance / shrunk * (0.5 * math.log1p(mixed) - math.log(alpha)))
    log_ratio = difference**2 / (2 * variance) * shrunk - 0.5 * math.log1p(mixed)
    p_value = math.exp(min(0.0, -log_ratio))
    winner: Literal["control", "treatment"] | None = None
    if p_value <= alpha:
        winner = "treatment" if difference > 0 else "control"
    low, high = max(-1.0, difference - half), min(1.0, difference + half)
    return SequentialResult(difference, low, high, p_value, winner)


def _rho_squared(alpha: float) -> float:
    """The variance of the mixture, in units of one user's variance."""
    level = -2 * math.log(alpha)
    return (level + math.log(level) + 1) / TIGHTEST_AT
