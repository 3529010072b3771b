"""Stars from the texts of reviews."""

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.contracts.interactions import RatingScale
from selera.contracts.texts import Texts
from selera.models.review_text import ReviewTextModel, normalized, text_buckets
from selera.shop.phrases import TEXTS_PER_STAR, review_texts
from selera.training.review_text import ReviewTextConfig, _solved, fit_review_text, text_matrix

SCALE = RatingScale(1, 5)
CONFIG = ReviewTextConfig(hash_bits=14)


def reviews(n: int, language: str, seed: int = 0) -> tuple[list[str], NDArray[np.float32]]:
    texts = review_texts(language)
    places = np.random.default_rng(seed).integers(len(texts), size=n)
    stars = (places // TEXTS_PER_STAR + 1).astype(np.float32)
    return [texts[place] for place in places.tolist()], stars


def buckets(text: str, n: int = 2**20) -> set[int]:
    return set(text_buckets([text], n)[1].tolist())


@pytest.mark.parametrize("language", ["id", "en", "ja", "es", "ar"])
def test_texts_tell_stars_in_any_script(language: str) -> None:
    texts, stars = reviews(400, language)
    model, said = fit_review_text(texts, stars, SCALE, CONFIG, seed=1)
    assert model is not None
    assert said.used
    assert said.n_texts == 400
    later, truth = reviews(60, language, seed=1)
    error = np.sqrt(np.square(model.predict(later) - truth).mean())
    assert error < 0.5 * truth.std()


def test_weights_solve_the_normal_equations() -> None:
    texts, stars = reviews(80, "en")
    matrix = text_matrix(texts, ReviewTextConfig(hash_bits=10))
    weights, mean = _solved(matrix, stars.astype(np.float64), 0.5)
    known = matrix.toarray()
    wanted = np.linalg.solve(known.T @ known + 0.5 * np.eye(1024), known.T @ (stars - mean))
    np.testing.assert_allclose(known @ weights, known @ wanted, atol=1e-3)


def test_runs_of_characters_do_not_cross_words() -> None:
    assert buckets("good quality") == buckets("quality   good") == buckets(" Good\nQUALITY ")
    assert buckets("good") | buckets("quality") == buckets("good quality")
    assert buckets("goodquality") != buckets("good quality")


def test_the_runs_of_a_word_are_those_of_two_to_five_characters() -> None:
    text = normalized("ab")
    assert text == " ab "
    runs = {text[start : start + n] for n in (2, 3, 4) for start in range(len(text) - n + 1)}
    assert len(buckets("ab")) == len(runs) == 6


def test_a_text_has_the_same_stars_alone_and_in_company() -> None:
    texts, stars = reviews(300, "en")
    model, _ = fit_review_text(texts, stars, SCALE, CONFIG, seed=1)
    assert model is not None
    asked = [*texts[:20], "", "とても良い", "x" * 5000]
    alone = np.concatenate([model.predict([text]) for text in asked])
    assert model.predict(asked).tobytes() == alone.tobytes()
    assert len(model.predict([])) == 0


def test_predictions_lie_in_the_scale_and_nothing_said_is_the_mean() -> None:
    texts, stars = reviews(300, "id")
    model, _ = fit_review_text(texts, stars, SCALE, CONFIG, seed=1)
    assert model is not None
    told = model.predict([" ".join(texts), "", *texts])
    assert 1 <= told.min() <= told.max() <= 5
    assert told[1] == pytest.approx(model.numbers[0])


def test_too_few_texts_and_texts_that_tell_nothing_are_left_out() -> None:
    texts, stars = reviews(199, "en")
    model, said = fit_review_text(texts, stars, SCALE, CONFIG, seed=1)
    assert model is None
    assert (said.used, said.n_texts, said.rmse) == (False, 199, None)
    texts, stars = reviews(600, "en")
    shuffled = np.random.default_rng(3).permutation(stars)
    model, said = fit_review_text(texts, shuffled, SCALE, CONFIG, seed=1)
    assert model is None
    assert said.rmse is not None
    assert said.mean_rmse is not None
    assert said.rmse > 0.98 * said.mean_rmse


def test_a_model_comes_back_from_its_arrays_which_hold_no_text() -> None:
    texts, stars = reviews(300, "en")
    model, _ = fit_review_text(texts, stars, SCALE, CONFIG, seed=1)
    assert model is not None
    arrays = model.to_arrays()
    assert {name: array.dtype for name, array in arrays.items()} == {
        "weights": np.dtype(np.float32),
        "numbers": np.dtype(np.float32),
    }
    again = ReviewTextModel.from_arrays(arrays)
    np.testing.assert_array_equal(again.predict(texts), model.predict(texts))


def test_half_a_surrogate_pair_is_a_character_as_any_other() -> None:
    texts, stars = reviews(300, "en")
    broken = [f"{text} \ud800" for text in texts]
    model, _ = fit_review_text(broken, stars, SCALE, CONFIG, seed=1)
    assert model is not None
    assert 1 <= model.predict(["\ud800"])[0] <= 5
    assert buckets("good \ud800") > buckets("good")
    np.testing.assert_array_equal(
        model.predict(Texts.of(broken).read(range(300))), model.predict(broken)
    )
