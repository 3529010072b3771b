"""Recommendations: what a user gets, from the history of this moment."""

import contextlib
from pathlib import Path

import msgspec
import pytest

from selera.contracts.behaviors import Behaviors
from selera.contracts.errors import UserNotFound
from selera.contracts.ids import Id
from selera.database import Shop
from selera.serving import ModelSlot, Question, RecommendationService, ServingConfig
from tests.serving.served_shop import (
    DATA_SHA256,
    N_ITEMS,
    NEW_PRODUCT,
    NEW_USER,
    NOBODY,
    ROW_GONE,
    ROW_WITHOUT_PROFILE,
    add_behaviors,
    interactions_of,
    make_shop,
    publish,
)

DATA = interactions_of()


def user_id(row: int) -> Id:
    return DATA.users.id(row)


def product_id(row: int) -> Id:
    return DATA.items.id(row)


@pytest.mark.parametrize("row", [0, 1, 12, 17])
def test_what_the_taste_lacks_comes_first(service: RecommendationService, row: int) -> None:
    answer = service.recommend(user_id(row), Question(limit=5))
    assert answer.recommendations[0].product.product_id == product_id(row)


def test_an_answer_is_complete(service: RecommendationService) -> None:
    answer = service.recommend(user_id(4))
    assert answer.user.name == f"Name of {user_id(4)}"
    assert answer.fallback is None
    assert answer.model.version == "v1"
    assert answer.model.algorithm == "svd"
    assert answer.model.data_sha256 == DATA_SHA256
    assert [each.rank for each in answer.recommendations] == list(range(1, 11))
    scores = [each.score for each in answer.recommendations]
    assert scores == sorted(scores, reverse=True)
    for each in answer.recommendations:
        assert each.source == "svd"
        assert each.predicted_rating is not None
        assert 1 <= each.predicted_rating <= 5
        assert each.product.product_name == f"Product {each.product.product_id}"
        assert each.product.price == 125000.0
        assert each.product.stock == 12
        assert each.product.image_url is None


def test_seen_products_are_left_out_unless_asked_for(service: RecommendationService) -> None:
    seen = {product_id(int(i)) for i in DATA.item_rows[DATA.user_rows == 4]}
    unseen = service.recommend(user_id(4), Question(limit=100)).recommendations
    assert not seen & {each.product.product_id for each in unseen}
    everything = service.recommend(
        user_id(4), Question(limit=100, include_seen=True)
    ).recommendations
    assert {each.product.product_id for each in everything} == {
        *(product_id(row) for row in range(N_ITEMS) if row != ROW_GONE),
        NEW_PRODUCT,
    }


def test_reasons_are_the_own_products_largest_first(service: RecommendationService) -> None:
    best = service.recommend(user_id(4)).recommendations[0]
    own = {product_id(int(i)) for i in DATA.item_rows[DATA.user_rows == 4]}
    contributions = [reason.contribution for reason in best.reasons]
    assert len(best.reasons) == 3
    assert contributions == sorted(contributions, reverse=True)
    assert min(contributions) > 0
    for reason in best.reasons:
        assert reason.product_id in own
        assert reason.type == "because_you_bought"
        assert reason.product_name == f"Product {reason.product_id}"


def test_all_contributions_together_are_the_score(shop_url: str, model_path: Path) -> None:
    with contextlib.closing(Shop.open(shop_url)) as shop:
        models = ModelSlot(model_path)
        service = RecommendationService(models, shop, ServingConfig(max_reasons=20))
        best = service.recommend(user_id(4)).recommendations[0]
        history = models.current().history(Behaviors.of(shop.history(user_id(4))))
    item = DATA.items.row(best.product.product_id)
    against = models.current().explain(history, item).contributions
    positive = sum(reason.contribution for reason in best.reasons)
    assert best.score == pytest.approx(positive + against[against < 0].sum(), rel=1e-4)


def test_reasons_can_be_left_out(service: RecommendationService) -> None:
    with_reasons = service.recommend(user_id(4))
    without = service.recommend(user_id(4), Question(explain=False))
    assert all(not each.reasons for each in without.recommendations)
    assert [each.score for each in without.recommendations] == [
        each.score for each in with_reasons.recommendations
    ]


@pytest.mark.parametrize(
    ("behavior", "value", "expected"),
    [
        ("visit", 3.0, "because_you_visited"),
        ("buy", 1.0, "because_you_bought"),
        ("rating", 5.0, "because_you_rated"),
        ("review", 5.0, "because_you_reviewed"),
    ],
)
def test_a_behavior_since_the_training_counts_at_once(
    own_service: RecommendationService, own_url: str, behavior: str, value: float, expected: str
) -> None:
    assert own_service.recommend(NEW_USER).fallback == "popular"
    add_behaviors(own_url, [(NEW_USER, product_id(3), behavior, value)])
    answer = own_service.recommend(NEW_USER, Question(limit=10))
    rows = [DATA.items.row(each.product.product_id) for each in answer.recommendations]
    assert answer.fallback is None
    assert all(row % 2 == 1 for row in rows)
    assert 3 not in rows
    assert [reason.type for reason in answer.recommendations[0].reasons] == [expected]


def test_the_strongest_behavior_names_the_reason(
    own_service: RecommendationService, own_url: str
) -> None:
    done = [(NEW_USER, product_id(3), "visit", 9.0), (NEW_USER, product_id(3), "rating", 5.0)]
    add_behaviors(own_url, done)
    best = own_service.recommend(NEW_USER).recommendations[0]
    assert [reason.type for reason in best.reasons] == ["because_you_rated"]


def test_a_reason_whose_product_left_has_no_name(
    own_service: RecommendationService, own_url: str
) -> None:
    add_behaviors(own_url, [(NEW_USER, product_id(ROW_GONE), "buy", 1.0)])
    (reason,) = own_service.recommend(NEW_USER).recommendations[0].reasons
    assert reason.product_id == product_id(ROW_GONE)
    assert reason.product_name is None


def test_a_user_whom_the_training_never_saw_is_answered(
    own_service: RecommendationService, own_url: str
) -> None:
    with pytest.raises(UserNotFound, match=f"no user {NOBODY}"):
        own_service.recommend(NOBODY)
    add_behaviors(own_url, [(NOBODY, product_id(2), "buy", 1.0)])
    answer = own_service.recommend(NOBODY)
    assert answer.fallback is None
    assert answer.user.user_id == NOBODY
    assert answer.user.name is None
    assert DATA.items.row(answer.recommendations[0].product.product_id) % 2 == 0


def test_an_unknown_user_gets_popular_products_when_asked(service: RecommendationService) -> None:
    answer = service.recommend(NOBODY, Question(on_unknown="popular"))
    popular = service.popular().popular
    assert answer.fallback == "popular"
    assert [each.product for each in answer.recommendations] == [each.product for each in popular]
    assert {each.source for each in answer.recommendations} == {"popular"}
    assert all(not each.reasons for each in answer.recommendations)


def test_a_history_of_dislikes_falls_back_and_stays_seen(
    own_service: RecommendationService, own_url: str
) -> None:
    disliked = own_service.popular(Question(limit=1)).popular[0].product.product_id
    add_behaviors(own_url, [(NEW_USER, disliked, "rating", 1.0)])
    answer = own_service.recommend(NEW_USER)
    assert answer.fallback == "popular"
    assert disliked not in {each.product.product_id for each in answer.recommendations}
    again = own_service.recommend(NEW_USER, Question(include_seen=True))
    assert again.recommendations[0].product.product_id == disliked


def test_a_history_of_products_unknown_to_the_model_falls_back(
    own_service: RecommendationService, own_url: str
) -> None:
    add_behaviors(own_url, [(NEW_USER, NEW_PRODUCT, "buy", 1.0)])
    assert own_service.recommend(NEW_USER).fallback == "popular"


def test_a_user_without_a_profile_has_null_fields(service: RecommendationService) -> None:
    answer = service.recommend(user_id(ROW_WITHOUT_PROFILE))
    assert answer.user.name is None
    assert answer.recommendations


def test_each_answer_has_an_id_of_its_own(service: RecommendationService) -> None:
    ids = {service.recommend(user_id(1)).recommendation_id for _ in range(5)}
    assert len(ids) == 5


def test_an_id_may_be_given_as_a_text(service: RecommendationService) -> None:
    typed, text = service.recommend(user_id(1)), service.recommend(str(user_id(1)))
    assert text.user == typed.user
    assert text.recommendations == typed.recommendations


@pytest.mark.parametrize("text", ["abc", "007", "", "1.0", "9" * 30])
def test_a_text_that_is_no_integer_id_is_no_user(service: RecommendationService, text: str) -> None:
    with pytest.raises(UserNotFound, match="is no user id: the ids of this shop are integers"):
        service.recommend(text, Question(on_unknown="popular"))


def test_shops_with_texts_as_ids_are_answered(tmp_path: Path) -> None:
    url = make_shop(tmp_path / "shop.db", string_ids=True)
    publish(tmp_path / "model.pkl", string_ids=True)
    with contextlib.closing(Shop.open(url)) as shop:
        service = RecommendationService(ModelSlot(tmp_path / "model.pkl"), shop)
        answer = service.recommend("user 12")
        assert answer.recommendations[0].product.product_id == "prod/ué 12"
        assert service.similar("prod/ué 12").similar


def test_a_shop_without_stars_has_no_predicted_rating(tmp_path: Path, shop_url: str) -> None:
    publish(tmp_path / "model.pkl", algorithm="popularity", stars=False)
    with contextlib.closing(Shop.open(shop_url)) as shop:
        answer = RecommendationService(ModelSlot(tmp_path / "model.pkl"), shop).recommend(
            user_id(2)
        )
    assert {each.predicted_rating for each in answer.recommendations} == {None}
    assert {each.source for each in answer.recommendations} == {"popular"}


def test_only_the_configured_profile_fields_leave(shop_url: str, model_path: Path) -> None:
    with contextlib.closing(Shop.open(shop_url)) as shop:
        config = ServingConfig(profile_fields=("location",))
        service = RecommendationService(ModelSlot(model_path), shop, config)
        user = service.recommend(user_id(2)).user
    assert msgspec.to_builtins(user) == {"user_id": user_id(2), "location": "Bandung"}
