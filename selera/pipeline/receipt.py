"""What an erasure tells the person who asked for it; it is told once and kept nowhere."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..contracts.ids import Id

Status = Literal["erased", "nothing", "failed"]

STAYS = (
    "What the models learnt from many users together (factors of products, edges, popularity) "
    "names nobody, but still has a part that came from this user, until the next training.",
    "Backups of the database, of the files and of the machine are not touched.",
    "PostgreSQL and MariaDB keep deleted rows in their files and logs until they clean up by "
    "themselves (VACUUM, purge); replicas follow.",
    "Copies of data-training.csv and of model files that somebody made elsewhere are not known.",
    "A process that has an older model open keeps it until it has opened the new file, which the "
    "API does at its next request.",
)
"""What no erasure can reach."""


class HolderReceipt(msgspec.Struct, frozen=True):
    """What became of the user in one place.

    removed : what was taken out, by what it was, and how many
    problems : why something is still there or might be, each with its cure
    """

    holder: str
    status: Status
    removed: dict[str, int]
    problems: tuple[str, ...] = ()


class Receipt(msgspec.Struct, frozen=True):
    """What was erased, and what stays.

    user_id : who, as it was asked for
    found : whether any place had the user
    complete : whether no place has the user any more
    erased_at : when it ended, ISO 8601 in UTC
    """

    user_id: Id
    found: bool
    complete: bool
    erased_at: str
    seconds: float
    holders: tuple[HolderReceipt, ...]
    stays: tuple[str, ...] = STAYS

    def lines(self) -> list[str]:
        """The receipt for a person; the last line is the summary."""
        width = max(len(each.holder) for each in self.holders)
        told = []
        for each in self.holders:
            removed = ", ".join(f"{name} {count:,}" for name, count in each.removed.items())
            said = {"erased": removed or "erased", "nothing": "nothing of this user"}
            told.append(f"{each.holder:<{width}}  {said.get(each.status, removed or 'failed')}")
            told += [f"{'':<{width}}  ! {problem}" for problem in each.problems]
        told += ["", "What stays:", *(f"- {each}" for each in self.stays), "", self._summary()]
        return told

    def _summary(self) -> str:
        when = f"in {self.seconds:.1f} s, {self.erased_at}"
        if not self.complete:
            return f"Not complete: see the lines with !, then erase {self.user_id} again ({when})."
        if not self.found:
            return f"Nothing was found of the user {self.user_id} ({when})."
        return f"Erased the user {self.user_id} ({when})."
