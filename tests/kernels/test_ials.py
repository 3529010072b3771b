"""The kernels of implicit ALS against NumPy: whole ridge problems, and every step in float64."""

import numpy as np
import pytest

from selera.kernels.ials import descend_rows, sweep_rows

N_FACTORS, N_COLUMNS = 11, 30
LENGTHS = (7, 1, 0, 30, 4, 13)


class Problems:
    """Six ridge problems of different sizes, and where they begin."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.indptr = np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64)
        chosen = [np.sort(rng.choice(N_COLUMNS, n, replace=False)) for n in LENGTHS]
        self.columns = np.concatenate(chosen).astype(np.int32)
        self.scales = rng.uniform(0.5, 2, len(self.columns)).astype(np.float32)
        liked = rng.random(len(self.columns)) < 0.8
        self.targets = np.where(liked, self.scales, 0).astype(np.float32)
        self.fixed = rng.normal(0, 0.5, (N_COLUMNS, N_FACTORS)).astype(np.float32)
        self.energies = np.linspace(0, 3, N_FACTORS, dtype=np.float32)
        self.penalties = rng.uniform(0.2, 2, len(LENGTHS)).astype(np.float32)
        self.begin = rng.normal(0, 0.3, (len(LENGTHS), N_FACTORS)).astype(np.float32)

    def arrays(self) -> tuple[np.ndarray, ...]:
        return (
            self.indptr,
            self.columns,
            self.scales,
            self.targets,
            self.fixed,
            self.energies,
            self.penalties,
        )

    def normal(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Matrix and right side of a row's normal equations, float64."""
        own = slice(self.indptr[row], self.indptr[row + 1])
        x = self.fixed[self.columns[own]].astype(np.float64) * self.scales[own, None]
        diagonal = self.energies.astype(np.float64) + self.penalties[row]
        return x.T @ x + np.diag(diagonal), x.T @ self.targets[own]

    def solution(self, row: int) -> np.ndarray:
        return np.linalg.solve(*self.normal(row))

    def value(self, row: int, w: np.ndarray) -> float:
        matrix, right = self.normal(row)
        return float(w @ matrix @ w - 2 * right @ w)


def plain_steps(problems: Problems, row: int, n_steps: int) -> np.ndarray:
    """Conjugate gradients preconditioned by the diagonal, from the textbook."""
    matrix, right = problems.normal(row)
    diagonal = problems.energies.astype(np.float64) + problems.penalties[row]
    w = problems.begin[row].astype(np.float64)
    residual = right - matrix @ w
    image = residual / diagonal
    direction = image
    for _ in range(n_steps):
        step = (residual @ image) / (direction @ matrix @ direction)
        w = w + step * direction
        following = residual - step * matrix @ direction
        ratio = (following @ (following / diagonal)) / (residual @ image)
        residual, image = following, following / diagonal
        direction = image + ratio * direction
    return w


def plain_sweep(problems: Problems, row: int, block_size: int) -> np.ndarray:
    """Block Gauss-Seidel on the normal equations."""
    matrix, right = problems.normal(row)
    w = problems.begin[row].astype(np.float64)
    for begin in range(0, N_FACTORS, block_size):
        block = slice(begin, min(begin + block_size, N_FACTORS))
        rest = right[block] - matrix[block] @ w + matrix[block, block] @ w[block]
        w[block] = np.linalg.solve(matrix[block, block], rest)
    return w


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_steps_are_preconditioned_conjugate_gradients(n_steps: int) -> None:
    problems = Problems()
    out = problems.begin.copy()
    descend_rows(*problems.arrays(), 0, len(LENGTHS), n_steps, out)
    for row in (0, 1, 3, 4, 5):
        np.testing.assert_allclose(out[row], plain_steps(problems, row, n_steps), atol=2e-5)


@pytest.mark.parametrize("block_size", [1, 4, 11, 32])
def test_a_sweep_is_block_gauss_seidel(block_size: int) -> None:
    problems = Problems()
    out = problems.begin.copy()
    sweep_rows(*problems.arrays(), 0, len(LENGTHS), block_size, out)
    for row in range(len(LENGTHS)):
        np.testing.assert_allclose(out[row], plain_sweep(problems, row, block_size), atol=2e-5)


def test_many_steps_and_many_sweeps_end_at_the_ridge_solution() -> None:
    problems = Problems()
    descended, swept = problems.begin.copy(), problems.begin.copy()
    descend_rows(*problems.arrays(), 0, len(LENGTHS), 40, descended)
    for _ in range(60):
        sweep_rows(*problems.arrays(), 0, len(LENGTHS), 4, swept)
    for row in range(len(LENGTHS)):
        np.testing.assert_allclose(descended[row], problems.solution(row), atol=2e-5)
        np.testing.assert_allclose(swept[row], problems.solution(row), atol=2e-5)


def test_every_step_lowers_what_a_row_minimizes() -> None:
    problems = Problems()
    for row in (0, 3, 5):
        values = [problems.value(row, problems.begin[row].astype(np.float64))]
        for n_steps in range(1, 6):
            out = problems.begin.copy()
            descend_rows(*problems.arrays(), row, row + 1, n_steps, out)
            values.append(problems.value(row, out[row].astype(np.float64)))
        assert np.all(np.diff(values) < 1e-6)


def test_a_range_leaves_other_rows_alone_and_empty_rows_become_zero() -> None:
    problems = Problems()
    out = problems.begin.copy()
    descend_rows(*problems.arrays(), 2, 4, 3, out)
    np.testing.assert_array_equal(out[[0, 1, 4, 5]], problems.begin[[0, 1, 4, 5]])
    np.testing.assert_allclose(out[2], 0, atol=1e-6)
