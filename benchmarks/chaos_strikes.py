"""Kills, freezes and restarts processes of a running `cira up` at random, each kind several times."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from benchmarks.cira_up import CiraUp

_WAIT_FOR_TARGET_S = 15.0
_LOOK_S = 0.3
# Strikes that do not wait until everything is up again: were there more, nothing would ever be.
_SHARE_WHILE_STARTING = 0.15
# A deck of kinds is dealt, shuffled anew each time: every kind comes in each deck.
_DECK: Sequence[str] = (
    *("run", "run", "run", "reader", "reader", "PostgreSQL backend", "PostgreSQL backend"),
    *("code server", "fork server of runs", "fork server", "daemon", "webserver", "API"),
    *("postmaster", "Valkey", "supervisor"),
)
KINDS = tuple(dict.fromkeys(_DECK))


@dataclass(frozen=True)
class Action:
    """`thaws_after_s`: SIGCONT comes so long after SIGSTOP; none: never. `with_sentinel`: that is killed first."""

    name: str
    number: signal.Signals
    share: float
    thaws_after_s: tuple[float, float] | None = None
    with_sentinel: bool = False


_KILL = Action("kill", signal.SIGKILL, 0.6)
_FREEZE = Action("freeze", signal.SIGSTOP, 0.25, thaws_after_s=(2, 15))
_FREEZE_BRIEFLY = Action("freeze", signal.SIGSTOP, 0.35, thaws_after_s=(1, 6))
_FREEZE_FOR_EVER = Action("freeze for ever", signal.SIGSTOP, 0.2)
_RESTART = Action("restart", signal.SIGTERM, 0.2)
_OF_SERVICE = (_KILL, _FREEZE, _FREEZE_FOR_EVER, _RESTART)
# A frozen run or backend cannot be distinguished from a waiting one: these are always resumed.
_ACTIONS: Mapping[str, Sequence[Action]] = {
    "run": (_KILL, _FREEZE),
    "reader": (_KILL, _FREEZE),
    "PostgreSQL backend": (_KILL, _FREEZE_BRIEFLY),
    # SIGINT is its fast shutdown.
    "postmaster": (_KILL, _FREEZE_BRIEFLY, Action("restart", signal.SIGINT, 0.25)),
    "supervisor": (
        _KILL,
        Action("kill, its sentinel first", signal.SIGKILL, 0.2, with_sentinel=True),
        Action("restart", signal.SIGTERM, 0.4),
        _FREEZE,
    ),
}


@dataclass(frozen=True)
class Strike:
    """`at`: seconds since 1970."""

    kind: str
    action: str
    pid: int
    at: float
    thawed_at: float | None = None


@dataclass
class Strikes:
    """`up` is struck by `carry_out`, one process after the other."""

    up: CiraUp
    seed: int
    done: list[Strike] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._thawing: list[threading.Timer] = []

    def carry_out(self, count: int, *, pause_s: float, least_of_each: int) -> None:
        """At least `count`, and as many of each kind as `least_of_each`; kinds that do not come into being are left."""
        missed: Counter[str] = Counter()
        for kind in self._deck():
            short = [each for each in KINDS if self.by_kind()[each] < least_of_each and missed[each] < least_of_each]
            if len(self.done) >= count and not short:
                break
            if len(self.done) >= count and kind not in short:
                continue
            if self._random.random() >= _SHARE_WHILE_STARTING:
                self.up.wait_until_ready()
            struck_at = time.monotonic()
            if not self._strike(kind):
                missed[kind] += 1
            time.sleep(max(0.0, struck_at + self._random.uniform(0.5, 1.5) * pause_s - time.monotonic()))
        for timer in self._thawing:
            timer.join()

    def by_kind(self) -> Counter[str]:
        return Counter(strike.kind for strike in self.done)

    def by_kind_and_action(self) -> Counter[tuple[str, str]]:
        return Counter((strike.kind, strike.action) for strike in self.done)

    def _deck(self) -> Iterator[str]:
        while True:
            yield from self._random.sample(_DECK, len(_DECK))

    def _strike(self, kind: str) -> bool:
        target = self._target(kind)
        if target is None:
            return False
        actions = _ACTIONS.get(kind, _OF_SERVICE)
        (action,) = self._random.choices(actions, [action.share for action in actions])
        if kind == "supervisor" and action.number is not signal.SIGSTOP:
            self.up.expect_end()
        if action.with_sentinel:
            for sentinel in self.up.processes().get("sentinel", ()):
                os.kill(sentinel.pid, signal.SIGKILL)
        try:
            target.send_signal(action.number)
        except psutil.NoSuchProcess:
            return False
        self._note(kind, action, target)
        return True

    def _target(self, kind: str) -> psutil.Process | None:
        ends_at = time.monotonic() + _WAIT_FOR_TARGET_S
        while time.monotonic() < ends_at:
            living = [each for each in self.up.processes().get(kind, ()) if _can_be_struck(each)]
            if living:
                return self._random.choice(sorted(living, key=lambda each: each.pid))
            time.sleep(_LOOK_S)
        return None

    def _note(self, kind: str, action: Action, target: psutil.Process) -> None:
        now, thawed_at = time.time(), None
        if action.thaws_after_s is not None:
            delay_s = self._random.uniform(*action.thaws_after_s)
            thawed_at = now + delay_s
            timer = threading.Timer(delay_s, _thaw, (target,))
            timer.start()
            self._thawing.append(timer)
        self.done.append(Strike(kind, action.name, target.pid, now, thawed_at))


def _can_be_struck(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _thaw(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGCONT)
    except psutil.NoSuchProcess:
        return
