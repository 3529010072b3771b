"""What the version before has written, this one opens, answers from, and trains on.

`version-before.zip` was made by it: a simulated shop, its CSV, two models, and their answers. To
make it anew: `selera seed --users 60 --products 40`, `selera etl`, `selera train --model svd`, then
`--model blend`, and five products for each sixth user.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from selera.artifact import verify_artifact
from selera.database import Shop
from selera.serving import ModelSlot, Question, RecommendationService
from tests.processes import selera

ARCHIVE = Path(__file__).parent / "version-before.zip"
MODELS = ("svd", "blend")


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A folder as the version before has left it."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    return tmp_path


@pytest.mark.parametrize("model", MODELS)
def test_a_model_of_the_version_before_answers_as_it_did(before: Path, model: str) -> None:
    answers = json.loads((before / "answers.json").read_text())[model]
    with closing(Shop.open(f"sqlite:///{before}/shop.db")) as shop:
        service = RecommendationService(ModelSlot(before / f"{model}.pkl"), shop)
        for user_id, expected in answers.items():
            places = service.recommend(user_id, Question(limit=5)).recommendations
            # A product that nobody has met can be listed by its fields since.
            old = [place for place in places if place.source != "new"]

            assert [place.product.product_id for place in old] == [
                product_id for product_id, _, _ in expected[: len(old)]
            ]
            for place, (_, score, stars) in zip(old, expected, strict=False):
                assert place.score == pytest.approx(score, rel=1e-3, abs=1e-5)
                assert place.predicted_rating == pytest.approx(stars, abs=0.011)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_of_the_version_before_is_whole(before: Path, model: str) -> None:
    assert verify_artifact(before / f"{model}.pkl").metadata["algorithm"] == model


def test_a_shop_of_the_version_before_is_trained_on_and_its_model_replaced(before: Path) -> None:
    shutil.copy(before / "svd.pkl", before / "system-recomendation.pkl")
    old = verify_artifact(before / "system-recomendation.pkl").run["version"]

    for arguments in (["etl"], ["train", "--model", "svd"]):
        done = selera(*arguments, cwd=before)
        assert done.returncode == 0, done.stderr

    assert verify_artifact(before / "system-recomendation.pkl").run["version"] != old
