import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from selera.contracts.errors import StateError
from selera.state import RateLimiter, rates, rates_path
from tests.clock import Clock
from tests.processes import ROOT, STALL_S, clean_environment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock(1_000_000.3)
    monkeypatch.setattr(rates, "time", stopped)
    return stopped


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return rates_path(tmp_path / "selera-state.db")


def test_a_burst_is_let_through_and_then_one_each_interval(file: Path, clock: Clock) -> None:
    with RateLimiter(file) as limiter:
        assert [limiter.take(1, 60, 5) for _ in range(5)] == [0.0] * 5
        assert limiter.take(1, 60, 5) == pytest.approx(1.0)
        clock.now += 0.75
        assert limiter.take(1, 60, 5) == pytest.approx(0.25)
        clock.now += 0.25
        assert limiter.take(1, 60, 5) == 0.0
        assert limiter.take(1, 60, 5) == pytest.approx(1.0)


def test_who_waits_as_told_is_let_through(file: Path, clock: Clock) -> None:
    with RateLimiter(file) as limiter:
        for _ in range(200):
            clock.now += limiter.take(1, 7, 3)
            assert limiter.take(1, 7, 3) == 0.0


def test_being_turned_away_costs_nothing(file: Path, clock: Clock) -> None:
    with RateLimiter(file) as limiter:
        for _ in range(100):
            limiter.take(1, 60, 1)
        clock.now += 1.0
        assert limiter.take(1, 60, 1) == 0.0


def test_a_rest_gives_a_burst_and_no_more(file: Path, clock: Clock) -> None:
    with RateLimiter(file) as limiter:
        limiter.take(1, 60, 5)
        clock.now += 3600
        assert sum(limiter.take(1, 60, 5) == 0.0 for _ in range(50)) == 5


def test_no_stretch_of_time_lets_more_through_than_burst_and_rate(file: Path, clock: Clock) -> None:
    passed = []
    with RateLimiter(file) as limiter:
        for step in range(2000):
            clock.now += 0.05 + 0.04 * (step % 3)
            if limiter.take(1, 120, 4) == 0.0:
                passed.append(clock.now)

    for first in range(0, len(passed), 7):
        for last in range(first, min(first + 40, len(passed))):
            allowed = 4 + (passed[last] - passed[first]) * 120 / 60
            assert last - first + 1 <= allowed + 1e-6
    assert len(passed) >= (passed[-1] - passed[0]) * 2 - 4


def test_keys_do_not_count_for_each_other(file: Path, clock: Clock) -> None:
    with RateLimiter(file) as limiter:
        for key_id in range(3000):
            assert limiter.take(key_id, 1, 1) == 0.0
        refused = sum(limiter.take(key_id, 1, 1) > 0 for key_id in range(3000))
    assert refused == 3000


def test_keys_of_one_bucket_do_not_count_for_each_other(file: Path, clock: Clock) -> None:
    with RateLimiter(file, capacity=8) as limiter:
        for key_id in (0, 1, 2**62, 99, 2**63 - 1):
            assert [limiter.take(key_id, 60, 2) for _ in range(2)] == [0.0, 0.0]
        for key_id in (0, 1, 2**62, 99, 2**63 - 1):
            assert limiter.take(key_id, 60, 2) > 0


def test_more_keys_than_slots_take_those_that_are_nearest_to_rest(file: Path, clock: Clock) -> None:
    with RateLimiter(file, capacity=8) as limiter:
        for key_id in range(8):
            limiter.take(key_id, 1, 1 + key_id)
        busy = [limiter.take(7, 1, 8) for _ in range(7)]
        assert busy == [0.0] * 7
        assert limiter.take(8, 1, 1) == 0.0
        assert limiter.take(7, 1, 8) > 0


def test_the_counts_outlive_the_process(file: Path, clock: Clock) -> None:
    with RateLimiter(file) as limiter:
        assert limiter.take(1, 1, 1) == 0.0
    with RateLimiter(file) as limiter:
        assert limiter.take(1, 1, 1) > 59


def test_a_restart_of_the_machine_never_blocks_a_key(file: Path, clock: Clock) -> None:
    with RateLimiter(file) as limiter:
        for _ in range(10):
            limiter.take(1, 60, 10)
        clock.now = 12.0
        assert limiter.take(1, 60, 10) == 0.0


def test_the_file_is_its_owners_alone_and_small(file: Path) -> None:
    with RateLimiter(file) as limiter:
        limiter.take(1, 1, 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_size == 64 * 1024
    assert file.stat().st_blocks * 512 >= 64 * 1024


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="Cannot count requests in"):
        RateLimiter(tmp_path)


def test_threads_get_together_what_is_allowed(file: Path) -> None:
    passed: list[int] = []

    def hammer(limiter: RateLimiter) -> None:
        passed.append(sum(limiter.take(1, 1, 500) == 0.0 for _ in range(400)))

    with RateLimiter(file) as first, RateLimiter(file) as second:
        threads = [
            threading.Thread(target=hammer, args=(each,)) for each in (first, second, first, second)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    assert sum(passed) == 500


HAMMER = """
import sys, time
from pathlib import Path
from selera.state import RateLimiter
per_minute, burst, seconds = map(float, sys.argv[2:])
with RateLimiter(Path(sys.argv[1])) as limiter:
    limiter.take(2, 1, 1)
    print("ready", flush=True)
    sys.stdin.read()
    passed, first = 0, time.monotonic()
    while time.monotonic() < first + seconds:
        passed += limiter.take(1, int(per_minute), int(burst)) == 0.0
    print(passed, first, time.monotonic())
"""


def _hammer(file: Path, per_minute: int, burst: int, seconds: float) -> tuple[int, float]:
    """What four processes together got through, and in how many seconds."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(file), str(per_minute), str(burst), str(seconds)],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.close()
        each.stdin = None
    told = [each.communicate(timeout=60)[0].split() for each in started]
    assert all(each.returncode == 0 for each in started)
    first, last = min(float(each[1]) for each in told), max(float(each[2]) for each in told)
    return sum(int(each[0]) for each in told), last - first


@pytest.mark.slow
def test_four_processes_get_together_exactly_the_burst(file: Path) -> None:
    passed, elapsed_s = _hammer(file, 1, 1000, 1.0)

    assert elapsed_s < 60
    assert passed == 1000


@pytest.mark.slow
def test_four_processes_get_together_the_burst_and_the_rate(file: Path) -> None:
    passed, elapsed_s = _hammer(file, 6000, 100, 2.0)

    assert 100 + 100 * 2.0 - 20 <= passed <= 100 + 100 * elapsed_s


@pytest.mark.slow
def test_a_process_killed_while_it_holds_the_lock_blocks_nobody(file: Path) -> None:
    code = (
        "import fcntl, sys\nfrom pathlib import Path\nfrom selera.state import RateLimiter\n"
        "limiter = RateLimiter(Path(sys.argv[1]))\n"
        "fcntl.lockf(limiter._file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\nsys.stdin.read()\n"
    )
    with (
        RateLimiter(file) as limiter,
        subprocess.Popen(
            [sys.executable, "-c", code, str(file)],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as holder,
    ):
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        threading.Timer(0.3, holder.kill).start()
        started = time.monotonic()
        assert limiter.take(1, 60, 1) == 0.0
        assert 0.2 < time.monotonic() - started < STALL_S
