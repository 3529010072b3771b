"""The regressions on neighbors against NumPy's solver, on a Gramian with many gaps."""

import numpy as np
from scipy.sparse import csr_array

from selera.kernels.neighborhoods import regress_on_neighbors

N_ITEMS = 60


def test_weights_are_those_of_ridge_regressions_on_the_neighbors() -> None:
    rng = np.random.default_rng(5)
    matrix = (rng.random((150, N_ITEMS)) < 0.06).astype(np.float32)
    gramian = csr_array(matrix.T @ matrix)
    penalties = rng.uniform(0.5, 3.0, N_ITEMS).astype(np.float32)
    sizes = rng.integers(0, 12, N_ITEMS)
    chosen = [
        np.sort(rng.choice(np.delete(np.arange(N_ITEMS), item), size, replace=False))
        for item, size in enumerate(sizes)
    ]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    out = np.full(starts[-1], np.nan, dtype=np.float32)
    regress_on_neighbors(
        gramian.indptr.astype(np.int64),
        gramian.indices.astype(np.int32),
        gramian.data,
        penalties,
        starts,
        np.concatenate(chosen).astype(np.int32),
        10,
        N_ITEMS,
        out,
    )
    assert np.isnan(out[: starts[10]]).all()
    dense = gramian.toarray().astype(np.float64)
    for item in range(10, N_ITEMS):
        near = chosen[item]
        system = dense[np.ix_(near, near)] + np.diag(penalties[near])
        expected = np.linalg.solve(system, dense[near, item])
        np.testing.assert_allclose(out[starts[item] : starts[item + 1]], expected, atol=1e-5)
