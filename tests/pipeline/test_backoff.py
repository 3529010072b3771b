from selera.pipeline.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(1.0, 6.0)

    assert [backoff.next_s() for _ in range(5)] == [1.0, 2.0, 4.0, 6.0, 6.0]


def test_a_success_begins_anew() -> None:
    backoff = Backoff(1.0, 6.0)
    backoff.next_s()
    backoff.next_s()

    backoff.reset()

    assert backoff.next_s() == 1.0
