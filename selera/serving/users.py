"""Who asks: profiles and histories, remembered until something new is known of them."""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Protocol, TypeAlias, overload

import msgspec

from ..contracts.behaviors import NO_BEHAVIORS, BehaviorRow, Behaviors
from ..contracts.histories import Histories
from ..contracts.ids import UNKNOWN_ROW, Id
from ..contracts.protocols import HistoryReader, Profile
from ..models import Recommender
from .answers import Recommendation, UserFallback

MOST_PLACES = 30
"""How many places of prepared lists are kept for one user, of all lists together."""

_Told: TypeAlias = tuple[Profile | None, Sequence[BehaviorRow]]


class Marks(Protocol):
    """Tells at once what other processes have written; `selera.state.ChangeMarks` does."""

    def mark(self, user_id: Id) -> int:
        """A number that is another one when something of the user was written."""
        ...

    def change(self, user_ids: Iterable[Id]) -> None:
        """Tell all processes that something of these users was written."""
        ...


class Listed(msgspec.Struct, frozen=True, gc=False):
    """A list that can be told again as long as nothing changes.

    sources : what put its places there, and how many each
    """

    recommendations: tuple[Recommendation, ...]
    fallback: UserFallback
    sources: tuple[tuple[str, int], ...]


class _Held(msgspec.Struct, frozen=True, gc=False):
    """A history as one model weighs it; a model that was replaced is not kept alive."""

    model: weakref.ref[Recommender]
    history: Histories


class User(msgspec.Struct, eq=False, gc=False):
    """One user as the shop knew them at one moment, and what was made of it.

    profile : None where there is no row
    behaviors : all usable ones
    is_current : False where the database did not answer and this is what was known before
    mark : that the user had before anything was read

    Nothing of it is part of a cycle, so garbage collections, which stop everything, pass it by:
    of a hundred thousand users they would look through millions of objects.
    """

    profile: Profile | None
    behaviors: Behaviors = NO_BEHAVIORS
    is_current: bool = True
    mark: int = 0
    read_at: float = msgspec.field(default_factory=time.monotonic)
    _history: _Held | None = None
    _lists: dict[Hashable, Listed] = {}

    @classmethod
    def stored(cls, model: Recommender, user_id: Id) -> User:
        """Somebody of whom nothing can be read, as the model remembers them from its training."""
        row = model.users.row(user_id)
        if row == UNKNOWN_ROW:
            return cls(None, is_current=False)
        held = _Held(weakref.ref(model), model.histories.take(row, row + 1))
        return cls(None, is_current=False, _history=held)

    def as_known_to(self, model: Recommender, user_id: Id) -> User:
        """The same; where it is what a model remembered, what this one does."""
        is_stored = not (self.is_current or self.is_known)
        return User.stored(model, user_id) if is_stored else self

    @property
    def is_known(self) -> bool:
        """Whether there is a profile or a behavior."""
        return self.profile is not None or len(self.behaviors) > 0

    def history(self, model: Recommender) -> Histories:
        """The behaviors as this model weighs them."""
        held = self._history
        if held is None or held.model() is not model:
            held = self._history = _Held(weakref.ref(model), model.history(self.behaviors))
        return held.history

    def listed(self, key: Hashable) -> Listed | None:
        """What `remember` was given under this key; None where it is not kept."""
        return self._lists.get(key)

    def remember(self, key: Hashable, listed: Listed) -> None:
        """Keep a list that holds as long as this object is the current one.

        Where all of them are too long together, the earlier ones are dropped.
        """
        if len(listed.recommendations) > MOST_PLACES:
            return
        kept, places = {key: listed}, max(len(listed.recommendations), 1)
        for earlier, each in reversed(list(self._lists.items())):
            places += max(len(each.recommendations), 1)
            if places > MOST_PLACES:
                break
            kept.setdefault(earlier, each)
        self._lists = dict(reversed(kept.items()))


class LiveUsers:
    """Remembers the users who asked last, and forgets those of whom something new is told.

    capacity : how many are remembered
    max_age_s : seconds after which a user is read again
    marks : tell what other processes have written; None where nothing does

    A history that is being read while its user is forgotten is used for the answer in hand and not
    remembered: it may be older than what made it forgotten. Nor is anybody remembered whom the shop
    does not know: they may sign up at any moment. Safe between threads.
    """

    def __init__(
        self, reader: HistoryReader, capacity: int, max_age_s: float, marks: Marks | None = None
    ) -> None:
        self._reader = reader
        self._marks = marks
        self.capacity = capacity
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._users: OrderedDict[Id, User] = OrderedDict()
        self._reading: dict[Id, int] = {}
        self._forgotten: set[Id] = set()
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._users)

    def at_hand(self, user_id: Id) -> User | None:
        """The user as remembered, if that is young enough; nothing is read."""
        user = self._users.get(user_id)
        if user is None or time.monotonic() - user.read_at > self._max_age_s:
            return None
        return user if user.mark == self._mark(user_id) else None

    def get(self, user_id: Id) -> User:
        """The user as remembered, or read now; DatabaseError where the database does not answer."""
        return self.at_hand(user_id) or self._read(user_id, self._reader.user)

    def read_at_once(self, user_id: Id) -> User | None:
        """The user read now, where nobody waits for it; None elsewhere."""
        return self._read(user_id, self._reader.user_at_once)

    def before(self, user_id: Id) -> User | None:
        """The user as remembered, however long ago that was; None where nothing is."""
        held = self._users.get(user_id)
        return None if held is None else User(held.profile, held.behaviors, is_current=False)

    def forget(self, user_ids: Iterable[Id]) -> None:
        """Read these users anew when they ask next."""
        with self._lock:
            for user_id in user_ids:
                self._users.pop(user_id, None)
                if user_id in self._reading:
                    self._forgotten.add(user_id)

    def wrote(self, user_ids: Collection[Id]) -> None:
        """Read these users anew when they ask next, here and in all other processes."""
        if self._marks is not None:
            self._marks.change(user_ids)
        self.forget(user_ids)

    def outdate(self) -> None:
        """Let everybody be read anew; what is known stays for the case that nothing answers."""
        with self._lock:
            self._epoch += 1
            for user in self._users.values():
                user.read_at = float("-inf")

    def forget_all(self) -> None:
        """Keep nothing of anybody."""
        with self._lock:
            self._epoch += 1
            self._users.clear()

    @overload
    def _read(self, user_id: Id, read: Callable[[Id], _Told]) -> User: ...

    @overload
    def _read(self, user_id: Id, read: Callable[[Id], _Told | None]) -> User | None: ...

    def _read(self, user_id: Id, read: Callable[[Id], _Told | None]) -> User | None:
        with self._lock:
            epoch = self._epoch
            self._reading[user_id] = self._reading.get(user_id, 0) + 1
        user: User | None = None
        mark = self._mark(user_id)
        try:
            told = read(user_id)
            if told is not None:
                profile, behaviors = told
                user = User(profile, Behaviors.of(behaviors), mark=mark)
        finally:
            self._end_reading(user_id, user, epoch)
        return user

    def _mark(self, user_id: Id) -> int:
        return 0 if self._marks is None else self._marks.mark(user_id)

    def _end_reading(self, user_id: Id, read: User | None, epoch: int) -> None:
        with self._lock:
            left = self._reading[user_id] - 1
            is_fresh = user_id not in self._forgotten and epoch == self._epoch
            if left:
                self._reading[user_id] = left
            else:
                del self._reading[user_id]
                self._forgotten.discard(user_id)
            if not is_fresh or not self.capacity or self._max_age_s <= 0:
                return
            if read is None or not read.is_known:
                return
            self._users.pop(user_id, None)
            while len(self._users) >= self.capacity:
                self._users.popitem(last=False)
            self._users[user_id] = read
