"""Circuit breaker whose state all processes share through Redis.

After `fail_max` failures in a row the circuit opens: calls fail at once with `CircuitOpen`, without reaching the
dependency. After `reset_timeout_s` one trial call of all processes is allowed; its success closes the circuit for all,
its failure opens it again (M. Nygard, Release It!). Without Redis, or during its outage, each process keeps its own
state.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

import pybreaker
import redis

from cira_pipeline.errors import CiraError, CircuitOpen
from cira_pipeline.resilience.shared_redis import SharedRedis

T = TypeVar("T")

logger = logging.getLogger(__name__)

KEY_PREFIX = "cira:breaker:"


def dependency_failed(error: BaseException) -> bool:
    """Whether an error counts against the dependency: a retryable `CiraError`, or an error of the network itself.

    Any other error (a refused document, a programming error) shows that the dependency answered or was not reached.
    """
    return error.retryable if isinstance(error, CiraError) else isinstance(error, OSError)


def shared_states(client: redis.Redis) -> dict[str, str]:
    """State of every shared circuit: closed, open or half-open. Raises: redis.RedisError."""
    states: dict[str, str] = {}
    for key in client.scan_iter(match=f"{KEY_PREFIX}*:state"):
        state = client.get(key)
        if isinstance(state, bytes):
            states[key.decode().removeprefix(KEY_PREFIX).partition(":")[0]] = state.decode()
    return states


# KEYS[1]: the trial. ARGV[1]: id of its owner.
_END_TRIAL = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
"""


class Breaker:
    """Circuit breaker of one dependency. Thread-safe; threads do not wait for each other.

    `name` is the key under which processes share the state. `counts` decides which errors count as failures.
    """

    def __init__(
        self,
        name: str,
        redis_url: str | None = None,
        fail_max: int = 5,
        reset_timeout_s: float = 30.0,
        *,
        counts: Callable[[BaseException], bool] = dependency_failed,
    ) -> None:
        self.name = name
        self._fail_max = fail_max
        self._reset_timeout_s = reset_timeout_s
        self._counts = counts
        self._own = self._circuit(pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED))
        self._redis = SharedRedis(redis_url, f"the state of circuit {name} is not shared")
        self._shared: pybreaker.CircuitBreaker | None = None
        self._trial = threading.Lock()

    def call(self, function: Callable[[], T]) -> T:
        """Calls `function` under the breaker; raises what it raises, or `CircuitOpen` without calling it."""
        with self.guarding():
            return function()

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Runs the block under the breaker; raises `CircuitOpen` (with `retry_after_s`) instead of running it."""
        circuit = self._circuit_in_force()
        # pybreaker lets every thread through once the reset time is over, which would overload a dependency that is
        # just recovering.
        with ExitStack() as running:
            if circuit.current_state != pybreaker.STATE_CLOSED:
                running.enter_context(self._trying_alone(circuit))
            try:
                # `calling` and not `call`: the latter holds a lock while the call runs.
                running.enter_context(circuit.calling())
            except pybreaker.CircuitBreakerError as error:
                raise self._circuit_open(circuit) from error
            yield

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`, shared by all processes."""
        return str(self._circuit_in_force().current_state)

    @property
    def shared(self) -> bool:
        """Whether the state is shared by all processes now, instead of kept by this process alone."""
        return self._circuit_in_force() is not self._own

    def close(self) -> None:
        """Closes the connection to Redis."""
        self._redis.close()

    @contextmanager
    def _trying_alone(self, circuit: pybreaker.CircuitBreaker) -> Iterator[None]:
        """Raises `CircuitOpen` when another thread, or through Redis another process, makes the trial call already."""
        if not self._trial.acquire(blocking=False):
            raise self._circuit_open(circuit)
        mine = uuid4().hex
        try:
            if not self._trial_is_mine(circuit, mine):
                raise self._circuit_open(circuit)
            try:
                yield
            finally:
                self._end_trial(circuit, mine)
        finally:
            self._trial.release()

    def _trial_is_mine(self, circuit: pybreaker.CircuitBreaker, mine: str) -> bool:
        client = self._redis.client
        if client is None or circuit is self._own:
            return True
        # It expires, as the process that makes the trial may be killed.
        milliseconds = max(1_000, int(self._reset_timeout_s * 1_000))
        try:
            return bool(client.set(self._trial_key, mine, nx=True, px=milliseconds))
        except redis.RedisError:
            return True

    def _end_trial(self, circuit: pybreaker.CircuitBreaker, mine: str) -> None:
        client = self._redis.client
        if client is not None and circuit is not self._own:
            with suppress(redis.RedisError):
                client.eval(_END_TRIAL, 1, self._trial_key, mine)

    @property
    def _trial_key(self) -> str:
        return f"{KEY_PREFIX}{self.name}:trial"

    def _circuit(self, storage: pybreaker.CircuitBreakerStorage) -> pybreaker.CircuitBreaker:
        return pybreaker.CircuitBreaker(
            fail_max=self._fail_max,
            reset_timeout=self._reset_timeout_s,
            exclude=[lambda error: not self._counts(error)],
            listeners=[_StateChangeLog()],
            state_storage=storage,
            name=self.name,
            throw_new_error_on_trip=False,
        )

    def _circuit_in_force(self) -> pybreaker.CircuitBreaker:
        """The shared circuit while Redis answers, else this process's own."""
        return self._redis.ask(self._shared_circuit) or self._own

    def _shared_circuit(self, client: redis.Redis) -> pybreaker.CircuitBreaker:
        # Tests a write: with a Redis that answers but refuses writes (memory full, now a replica) no failure would be
        # counted, and the circuit would never open.
        client.set(f"{KEY_PREFIX}{self.name}:writable", 1, px=1_000)
        if self._shared is None:
            storage = _SharedState(pybreaker.STATE_CLOSED, client, namespace=f"{KEY_PREFIX}{self.name}")
            self._shared = self._circuit(storage)
        return self._shared

    def _circuit_open(self, circuit: pybreaker.CircuitBreaker) -> CircuitOpen:
        opened_at = circuit._state_storage.opened_at
        left_s = self._reset_timeout_s
        if opened_at is not None:
            left_s -= (datetime.now(UTC) - opened_at).total_seconds()
        left_s = max(0.0, left_s)
        return CircuitOpen(
            f"{self.name} failed {self._fail_max} times in a row; its circuit stays open for another {left_s:.0f} s",
            dependency=self.name,
            retry_after_s=left_s,
        )


class _SharedState(pybreaker.CircuitRedisStorage):
    """Shared state that starts with default values when Redis cannot store the first ones, as without Redis."""

    def _initialize_redis_state(self, state: str) -> None:
        with suppress(redis.RedisError):
            super()._initialize_redis_state(state)


class _StateChangeLog(pybreaker.CircuitBreakerListener):
    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,
        old_state: pybreaker.CircuitBreakerState | None,
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        old = old_state.name if old_state is not None else "unknown"
        logger.warning("circuit %s: %s -> %s", cb.name, old, new_state.name)
