from selera.state import Decision, Decisions, State


def _decision(version: str, **fields: object) -> Decision:
    known = {"decided_at": "2026-11-23T07:20:04+00:00", "action": "published", "reason": "r"}
    return Decision(version=version, **{**known, **fields})  # type: ignore[arg-type]


def test_the_book_gives_back_what_was_written_the_newest_first(
    state: State, other_state: State
) -> None:
    compared = _decision(
        "v2",
        action="kept_aside",
        reason="ndcg@10 fell by 5 %",
        champion="v1",
        relative_difference=-0.05,
        low=-0.08,
        high=-0.02,
        metric="ndcg@10",
        n_users=812,
    )
    first = _decision("v1")

    Decisions(state).record(first)
    Decisions(state).record(compared)

    assert Decisions(other_state).all() == [compared, first]


def test_the_lines_of_one_version_are_found(state: State) -> None:
    book = Decisions(state)
    for version, action in [("a", "published"), ("b", "published"), ("a", "rolled_back")]:
        book.record(_decision(version, action=action))

    assert [each.action for each in book.of("a")] == ["rolled_back", "published"]
    assert book.of("never") == []


def test_text_is_kept_as_it_is(state: State) -> None:
    odd = _decision("'; DROP TABLE decision; --", reason="“é”\n\0%s:x")

    Decisions(state).record(odd)

    assert Decisions(state).of(odd.version) == [odd]
