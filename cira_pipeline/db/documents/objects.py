"""Object store: bytes under a key, in a folder, in S3, or in memory for tests, through fsspec.

Keys are relative paths made from content hashes, so repeated writes store the same bytes.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from botocore.exceptions import BotoCoreError, ClientError
from fsspec.exceptions import FSTimeoutError
from fsspec.implementations.local import LocalFileSystem

from cira_pipeline.db.disk_space import RETRY_AFTER_S, DiskSpace, is_out_of_space
from cira_pipeline.errors import ConfigurationError, DiskFull, ObjectMissing, ServiceUnreachable, StoreUnavailable
from cira_pipeline.shown_url import shown_url

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
S3_ATTEMPTS = 4

_SCHEMES = ("file", "s3", "memory")
_KEY = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_PROBE_KEY = "cira-doctor.txt"


class ObjectStore:
    """Objects below `url`: a folder path, `file://`, `s3://bucket/prefix` or `memory://`. Thread-safe.

    S3 credentials come from AWS's standard sources (environment, profile, role); `s3_endpoint_url` names a server other
    than AWS. Connects at the first use. Raises: ConfigurationError for a URL of another kind; every method raises
    StoreUnavailable when the store does not answer and ConfigurationError when it refuses access. A write to a folder
    is refused when it would leave less than `least_free_bytes` on its disk.
    """

    def __init__(self, url: str, *, s3_endpoint_url: str | None = None, least_free_bytes: int = 0) -> None:
        scheme, separator, _ = url.partition("://")
        if not separator:
            url, scheme = Path(url).absolute().as_uri(), "file"
        if scheme not in _SCHEMES:
            raise ConfigurationError(f"CIRA_OBJECT_STORE starts with {scheme}://; expected a folder, file:// or s3://")
        if scheme == "s3":
            _refuse_credentials("CIRA_OBJECT_STORE", url)
            _refuse_credentials("CIRA_S3_ENDPOINT_URL", s3_endpoint_url or "")
        options = _s3_options(s3_endpoint_url) if scheme == "s3" else {}
        self._is_s3 = scheme == "s3"
        self._files, root = fsspec.core.url_to_fs(url, **options)
        self._root = str(root).rstrip("/")
        if scheme == "s3" and not self._root.strip("/"):
            raise ConfigurationError("CIRA_OBJECT_STORE names no bucket; expected s3://bucket/prefix")
        self.url = url.rstrip("/")
        folders = [Path(self._root)] if isinstance(self._files, LocalFileSystem) else []
        self._space = DiskSpace(folders, least_free_bytes)

    def put(self, key: str, content: bytes) -> None:
        """Stores `content` under `key`, replacing what is there. Readers see all or nothing, also after a crash.

        Raises: DiskFull, with nothing written.
        """
        path = self._path(key)
        self._space.demand(len(content))
        with self._errors(key):
            if isinstance(self._files, LocalFileSystem):
                _write_durably(Path(path), content)
            else:
                self._files.pipe_file(path, content)

    def get(self, key: str) -> bytes:
        """Raises: ObjectMissing."""
        path = self._path(key)
        with self._errors(key):
            return bytes(self._files.cat_file(path))

    def exists(self, key: str) -> bool:
        path = self._path(key)
        try:
            with self._errors(key):
                self._files.info(path)
        except ObjectMissing:
            return False
        return True

    def delete(self, key: str) -> None:
        """Removes the object, in a versioned bucket with all its versions; a missing one is no error.

        An erased document must not survive as an earlier version until a lifecycle rule removes it.
        """
        path = self._path(key)
        try:
            with self._errors(key):
                if self._is_s3:
                    _delete_every_version(self._files, *path.split("/", 1))
                else:
                    self._files.rm_file(path)
        except ObjectMissing:
            return

    def keys(self) -> Iterator[str]:
        """Keys of all objects, unordered. For a store of millions this takes minutes."""
        with self._errors(""):
            if not self._files.exists(self._root):
                return
            for path in self._files.find(self._root):
                key = str(path)[len(self._root) + 1 :]
                if _KEY.fullmatch(key) and not Path(key).name.startswith("."):
                    yield key

    def url_of(self, key: str) -> str:
        """URL of the object, for people."""
        self._path(key)
        return f"{self.url}/{key}"

    def ping(self) -> None:
        """Writes, reads and removes a small object. Raises: ServiceUnreachable, ConfigurationError."""
        try:
            self.put(_PROBE_KEY, b"cira doctor")
            self.get(_PROBE_KEY)
            self.delete(_PROBE_KEY)
        except (StoreUnavailable, ObjectMissing) as error:
            raise ServiceUnreachable(f"object store {self.url}: {error.message}") from error

    def _path(self, key: str) -> str:
        if _KEY.fullmatch(key) is None or ".." in key.split("/"):
            raise ValueError(f"{key!r} is not a valid object key")
        return f"{self._root}/{key}"

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if "bucket" in str(error).lower():
                raise ConfigurationError(
                    f"object store {self.url}: the bucket does not exist; create it or correct CIRA_OBJECT_STORE"
                ) from error
            raise ObjectMissing(f"object {key} is not in {self.url}", key=key) from error
        except PermissionError as error:
            raise ConfigurationError(f"object store {self.url} refuses access: {error}") from error
        except (OSError, FSTimeoutError, BotoCoreError, ClientError) as error:
            message = f"object store {self.url}: {type(error).__name__}: {error}"
            if is_out_of_space(error) or _s3_is_full(error):
                raise DiskFull(message, key=key, retry_after_s=RETRY_AFTER_S) from error
            raise StoreUnavailable(message, key=key) from error


def _s3_is_full(error: Exception) -> bool:
    """S3-compatible servers with disks of their own answer 507 Insufficient Storage; AWS has no such answer."""
    return isinstance(error, ClientError) and error.response["ResponseMetadata"].get("HTTPStatusCode") == 507


def _refuse_credentials(setting: str, url: str) -> None:
    """Refuses credentials in a URL, as errors of the S3 library quote URLs whole. Raises: ConfigurationError."""
    if "@" in url.partition("://")[2].partition("?")[0] and shown_url(url) != url:
        raise ConfigurationError(
            f"{setting} contains a user or password; use AWS's environment variables, profile or role instead"
        )


def _s3_options(endpoint_url: str | None) -> dict[str, Any]:
    return {
        "endpoint_url": endpoint_url,
        "use_listings_cache": False,
        "config_kwargs": {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
            "retries": {"max_attempts": S3_ATTEMPTS, "mode": "standard"},
        },
    }


def _delete_every_version(s3: Any, bucket: str, key: str) -> None:
    """Deletes an object with its versions; S3 answers whether it only put a delete marker before them.

    `s3` is an s3fs.S3FileSystem, not imported here because that takes a second of each command.
    """
    answer = s3.call_s3("delete_object", Bucket=bucket, Key=key)
    s3.invalidate_cache(f"{bucket}/{key}")
    if not answer.get("DeleteMarker") and answer.get("VersionId") is None:
        return
    at: dict[str, str] = {}
    while True:
        page = s3.call_s3("list_object_versions", Bucket=bucket, Prefix=key, **at)
        # A prefix also matches longer keys.
        found = [each for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ()) if each["Key"] == key]
        for each in found:
            s3.call_s3("delete_object", Bucket=bucket, Key=key, VersionId=each["VersionId"])
        if not page.get("IsTruncated"):
            return
        at = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}


def _write_durably(path: Path, content: bytes) -> None:
    """Writes atomically: to a temporary file, synced to disk, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
