from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from cira_pipeline.api.key_secret import Pepper, load_pepper, parse_key
from cira_pipeline.db.access.api_keys import ApiKey, ApiKeyRepository, Scope
from cira_pipeline.errors import ConfigurationError, KeyNotFound, KeySettingsInvalid, QuotaExhausted
from cira_pipeline.settings import Settings

PEPPER = Pepper("a long and random pepper for the tests only")


@pytest.fixture
def keys(database) -> ApiKeyRepository:
    return ApiKeyRepository(database)


def _create(keys: ApiKeyRepository, **settings: Any) -> ApiKey:
    new = PEPPER.new_key()
    given: dict[str, Any] = {"client": "accounting", "scopes": [Scope.SUBMIT], **settings}
    return keys.create(new.key_id, new.secret_hash, PEPPER.pepper_id, **given)


def test_the_secret_of_a_key_stands_nowhere_in_the_database(keys, database):
    new = PEPPER.new_key()
    keys.create(new.key_id, new.secret_hash, PEPPER.pepper_id, client="accounting", scopes=[Scope.READ])
    _, secret = parse_key(new.text) or ("", "")
    with database.begin() as connection:
        [row] = connection.scalars(text("SELECT api_keys::text FROM cira.api_keys")).all()
    assert secret not in row
    assert keys.get(new.key_id).secret_hash == PEPPER.hash(secret)
    assert "secret_hash" not in repr(keys.get(new.key_id))


@pytest.mark.parametrize("wrong", ["", "cira_", "cira_0123_ab", "x" * 86, "cira_0123456789abcdef_" + "g" * 64])
def test_what_is_no_key_is_not_looked_up(wrong):
    assert parse_key(wrong) is None


def test_two_peppers_hash_one_secret_differently_and_tell_themselves_apart():
    other = Pepper("another pepper, just as long and as random")
    assert other.hash("s") != PEPPER.hash("s")
    assert other.pepper_id != PEPPER.pepper_id
    assert other.derived(b"one") != other.derived(b"two")


def test_a_pepper_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    settings = Settings(home=tmp_path / "home")
    first = load_pepper(settings)
    assert load_pepper(settings).hash("s") == first.hash("s")
    assert [path.name for path in settings.home.iterdir()] == ["key-pepper"]
    assert stat.S_IMODE((settings.home / "key-pepper").stat().st_mode) == 0o600


def test_a_short_pepper_is_refused_without_being_named():
    with pytest.raises(ConfigurationError, match="CIRA_API_KEY_PEPPER") as caught:
        load_pepper(Settings(api_key_pepper=SecretStr("too short")))
    assert "too short" not in str(caught.value)


def test_a_revoked_key_is_valid_no_more_and_stays_revoked_since_then(keys):
    key = _create(keys)
    assert key.valid_at(datetime.now(UTC))
    first = keys.revoke(key.key_id)
    assert not first.valid_at(datetime.now(UTC))
    assert keys.revoke(key.key_id).revoked_at == first.revoked_at
    with pytest.raises(KeyNotFound):
        keys.revoke("0" * 16)


def test_a_rotated_key_hands_on_its_rights_and_ends_after_its_grace(keys):
    old = _create(keys, scopes=[Scope.READ, Scope.REVIEW], requests_per_minute=7, jobs_per_day=8, name="ledger")
    new_key = PEPPER.new_key()
    ended, new = keys.rotate(
        old.key_id, new_key.key_id, new_key.secret_hash, PEPPER.pepper_id, grace=timedelta(hours=2)
    )
    assert (new.client, new.scopes, new.requests_per_minute, new.jobs_per_day, new.name) == (
        "accounting", {Scope.READ, Scope.REVIEW}, 7, 8, "ledger",
    )  # fmt: skip
    assert ended.replaced_by == new.key_id
    assert ended.valid_at(datetime.now(UTC) + timedelta(hours=1))
    assert not ended.valid_at(datetime.now(UTC) + timedelta(hours=3))
    again = PEPPER.new_key()
    with pytest.raises(KeySettingsInvalid):
        keys.rotate(old.key_id, again.key_id, again.secret_hash, PEPPER.pepper_id, grace=timedelta(0))


def test_rotating_does_not_make_a_key_live_longer(keys):
    soon = datetime.now(UTC) + timedelta(minutes=5)
    old = _create(keys, expires_at=soon)
    new = PEPPER.new_key()
    ended, _ = keys.rotate(old.key_id, new.key_id, new.secret_hash, PEPPER.pepper_id, grace=timedelta(days=30))
    assert ended.expires_at == soon


def test_admin_may_everything_and_others_only_what_they_were_given(keys):
    admin, reader = _create(keys, scopes=[Scope.ADMIN]), _create(keys, scopes=[Scope.READ])
    assert all(admin.allows(scope) for scope in Scope)
    assert [scope for scope in Scope if reader.allows(scope)] == [Scope.READ]


@pytest.mark.parametrize(
    "wrong", [{"client": ""}, {"client": "a\nb"}, {"scopes": []}, {"requests_per_minute": 0}, {"jobs_per_day": -1}]
)
def test_a_key_nobody_could_use_is_not_made(keys, wrong):
    with pytest.raises(KeySettingsInvalid):
        _create(keys, **wrong)
    assert keys.list() == []


def test_a_days_quota_is_never_exceeded_and_what_was_not_used_comes_back(keys):
    key = _create(keys, jobs_per_day=10)
    assert keys.take_quota(key, 7).used == 7
    with pytest.raises(QuotaExhausted) as caught:
        keys.take_quota(key, 4)
    assert caught.value.detail == {"limit": 10, "used": 7}
    keys.give_back(key, 2)
    assert keys.take_quota(key, 5).used == 10
    with pytest.raises(QuotaExhausted):
        keys.take_quota(_create(keys, jobs_per_day=3), 4)


def test_the_time_of_use_is_written_once_a_minute_at_the_most(keys, database):
    key = _create(keys)
    assert key.last_used_at is None
    keys.note_use(key.key_id)
    first = keys.get(key.key_id).key.last_used_at
    keys.note_use(key.key_id)
    assert keys.get(key.key_id).key.last_used_at == first
    with database.begin() as connection:
        connection.execute(text("UPDATE cira.api_keys SET last_used_at = now() - interval '61 s'"))
    keys.note_use(key.key_id)
    assert keys.get(key.key_id).key.last_used_at > first
