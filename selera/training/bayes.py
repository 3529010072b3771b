r"""The Bayesian rater: a factorization machine by Gibbs sampling, with nothing to tune.

Stars (`models/bayes.py` has the prediction in full) are normal about the sum of a factorization
machine whose features come in three blocks, users, items and times (`training/bayes_design.py`)::

    r ~ N(mean + sum_j w_j x_j + sum over pairs of blocks of (V x)_a . (V x)_b, 1 / noise precision)
    w_j ~ N(mean of its group, 1 / precision of its group), and so each factor of V
    precision of a group ~ gamma(2, 1/2),  mean of a group ~ N(0, 1 / its precision)

Ids, the items of a history, the users of an item, each profile field, each product field and the
times are a group each, with an own prior for each factor: how much to regularize is drawn, too.
Every unknown is drawn in turn given all others. With h the sum of the other blocks' rows (1 for a
bias), e what is left of the ratings, and x the feature's values::

    w_j ~ N(m, 1 / l),  l = precision + noise precision * sum (x h)^2
                        m = (precision * mean + noise precision * sum x h (e + x h w_j)) / l

Then each weight that is not of an id is traded against the ids of its rows: w_j + d and w_id - x d
predict the same, and d is drawn from what the priors make of it. Without it a profile field hardly
moves once the ids have learnt what it says (interweaving: Yu & Meng 2011).

The sums over ratings are condensed for each row of a block once (relational blocks), so a sweep
costs O((ratings * blocks + entries of the blocks) * n_factors): the implicit features of SVD++ and
their mirror image cost no more than the ratings do. The answer is the mean over the samples.

Sources: Rendle 2013, "Scaling factorization machines to relational data"; Salakhutdinov & Mnih
2008, "Bayesian probabilistic matrix factorization using Markov chain Monte Carlo"; Rendle, Zhang &
Koren 2019, arXiv:1905.01395 (the features). We differ in that features of one block do not
multiply each other, which leaves a user's line linear in the ratings and so makes folding in exact;
in that a group's mean and precision are drawn together; in the trade; and in that several chains
run, a thread each, whose samples are put together. A chain hardly leaves the factors where it
began: eight short chains predict better than two long ones that take the same time.

`link = "probit"` takes stars for levels of a latent value (`training/bayes_links.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.errors import ConfigError
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Progress, silent
from ..models.bayes import BayesModel, posterior_stars, time_bins, time_rows
from .bayes_chain import Chain, Sample
from .bayes_design import Design, build_design
from .bayes_links import NormalLink, ProbitLink
from .evidence import Evidence
from .workers import open_workers

MOST_LEVELS = 20
_MOST_BYTES = 1 << 28
_PAIRS_AT_ONCE = 8192


class BayesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the Bayesian rater.

    Work grows with ratings * n_factors * n_sweeps * n_chains (a sweep passes over the ratings some
    ten times for each factor), memory with users and items * n_factors * n_kept_samples. The probit
    takes about twice as long. No setting needs tuning: more is better, and where time is short, ask
    for fewer sweeps.
    """

    n_factors: Annotated[int, Meta(ge=1, le=512)] = 12
    n_chains: Annotated[int, Meta(ge=1, le=64)] = 4
    n_sweeps: Annotated[int, Meta(ge=1, le=100_000)] = 100
    n_burn_in: Annotated[int, Meta(ge=0, le=100_000)] = 20
    n_kept_samples: Annotated[int, Meta(ge=1, le=10_000)] = 20
    days_per_bin: Annotated[float, Meta(ge=0.0)] = 1.0
    implicit: bool = True
    link: Literal["identity", "probit"] = "identity"


@dataclass(frozen=True, slots=True)
class BayesStars:
    """The users of training in each kept sample, and the rater for everybody.

    samples : as many as there is room for, at least `n_kept_samples`
    levels : float64 (n_levels,), stretched stars; none where stars are the sum
    """

    config: BayesConfig
    scale: RatingScale
    design: Design
    samples: list[Sample]
    levels: NDArray[np.float64]

    def predict(
        self,
        user_rows: NDArray[np.int32],
        item_rows: NDArray[np.int32],
        ages: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """See `FittedStars`; a time of training, when it is told, has its own effect."""
        return self.predict_with_deviation(user_rows, item_rows, ages)[0]

    def predict_with_deviation(
        self,
        user_rows: NDArray[np.int32],
        item_rows: NDArray[np.int32],
        ages: NDArray[np.float32] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Stars and the standard deviation of a rating about them, float32 (n,) both."""
        design = self.design
        rows = [user_rows.astype(np.int64), design.n_users + item_rows.astype(np.int64)]
        if len(design.bins):
            ages = np.full(len(user_rows), np.nan, np.float32) if ages is None else ages
            times = time_rows(design.bins, time_bins(ages, self.config.days_per_bin))
            rows.append(design.n_users + design.n_items + times)
        noise = np.array([sample.noise_precision for sample in self.samples])
        cuts = np.array([sample.cuts for sample in self.samples])
        stars = np.empty(len(user_rows), dtype=np.float32)
        deviations = np.empty_like(stars)
        for start in range(0, len(stars), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            sums = np.array(
                [_sums(sample, [each[part] for each in rows]) for sample in self.samples]
            )
            stars[part], deviations[part] = posterior_stars(
                sums, np.zeros_like(sums), noise, self.levels, cuts, self.scale
            )
        return stars, deviations

    def rater(self) -> BayesModel:
        """The items of `n_kept_samples` samples, evenly chosen."""
        n = min(self.config.n_kept_samples, len(self.samples))
        places = np.linspace(0, len(self.samples) - 1, n).round().astype(int)
        kept = [self.samples[place] for place in places]
        n_users, first_time = self.design.n_users, self.design.n_users + self.design.n_items
        times = [sample.totals[first_time:] for sample in kept]
        none = np.zeros((len(kept), 1, 1 + self.config.n_factors), dtype=np.float32)
        return BayesModel(
            means=np.array([sample.mean for sample in kept]),
            noise_precisions=np.array([sample.noise_precision for sample in kept]),
            prior_means=np.array([sample.prior_mean for sample in kept]),
            prior_precisions=np.array([sample.prior_precision for sample in kept]),
            items=np.array([sample.totals[n_users:first_time] for sample in kept]),
            implicit=np.array([sample.implicit for sample in kept]),
            times=np.array(times) if len(self.design.bins) else none,
            bins=self.design.bins,
            days_per_bin=self.config.days_per_bin,
            levels=self.levels,
            cuts=np.array([sample.cuts for sample in kept]),
            scale=self.scale,
        )


def fit_bayes(
    evidence: Evidence,
    config: BayesConfig,
    *,
    scale: RatingScale,
    seed: int,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> BayesStars:
    """Sample from the posterior of at least one rating.

    The result depends on the arguments but not on `n_threads`; past `n_chains` threads idle. Raises
    ConfigError where a probit is asked for more than 20 different stars.
    """
    ratings = evidence.histories.ratings
    stars = scale.stretch(ratings[~np.isnan(ratings)])
    levels, places = np.unique(stars, return_inverse=True)
    is_probit = config.link == "probit"
    if is_probit and len(levels) > MOST_LEVELS:
        raise ConfigError(
            f"training.bayes.link is 'probit', which is for at most {MOST_LEVELS} different "
            f"stars, and there are {len(levels)}. Set it to 'identity'"
        )
    design = build_design(evidence, days_per_bin=config.days_per_bin, implicit=config.implicit)
    seeds = np.random.SeedSequence(seed).spawn(config.n_chains)
    chains = [
        Chain(
            design,
            ProbitLink(places.astype(np.int32), len(levels)) if is_probit else NormalLink(stars),
            config.n_factors,
            each,
        )
        for each in seeds
    ]
    samples = _run(chains, _kept_sweeps(config, design), config.n_sweeps, n_threads, progress)
    used = levels.astype(np.float64) if is_probit else np.empty(0)
    return BayesStars(config, scale, design, samples, used)


def _run(
    chains: list[Chain],
    kept: set[int],
    n_sweeps: int,
    n_threads: int | None,
    progress: Progress,
) -> list[Sample]:
    """Let all chains sweep side by side; their samples, chain after chain."""
    samples: list[list[Sample]] = [[] for _ in chains]
    with open_workers(n_threads) as workers:
        for sweep in range(n_sweeps):
            workers.run(chain.sweep for chain in chains)
            if sweep in kept:
                for chain, own in zip(chains, samples, strict=True):
                    own.append(chain.sample())
            progress("bayes", sweep + 1, n_sweeps)
    return [sample for own in samples for sample in own]


def _kept_sweeps(config: BayesConfig, design: Design) -> set[int]:
    """The sweeps after which to keep a sample: evenly spread after the burn-in."""
    first = min(config.n_burn_in, config.n_sweeps - 1)
    n_rows = design.n_block_rows + design.implicit.stop - design.implicit.start
    room = _MOST_BYTES // (4 * n_rows * (1 + config.n_factors))
    n = -(-max(config.n_kept_samples, room) // config.n_chains)
    n = min(n, config.n_sweeps - first)
    places = np.linspace(config.n_sweeps - 1, first, n).round()
    return set(places.astype(int).tolist())


def _sums(sample: Sample, rows: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    """The sum of the machine, and its mean, for lines of block rows, float64 (n,)."""
    lines = [sample.totals[each] for each in rows]
    total = np.full(len(rows[0]), sample.mean)
    for place, line in enumerate(lines):
        total += line[:, 0]
        for other in lines[:place]:
            total += np.einsum("nf,nf->n", line[:, 1:], other[:, 1:])
    return total
