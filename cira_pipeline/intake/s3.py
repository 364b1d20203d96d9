"""S3 client for intake, and translation of S3 errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cira_pipeline.errors import (
    CiraError,
    SourceAnswerInvalid,
    SourceForbidden,
    SourceNotFound,
    SourceUnavailable,
    UrlInvalid,
)
from cira_pipeline.settings import Settings

_NOT_FOUND = {"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "NotFound", "404"}
_INVALID = {"InvalidBucketName", "InvalidArgument", "KeyTooLongError", "400"}
_FORBIDDEN = {
    "AccessDenied", "AllAccessDisabled", "AccountProblem", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken",
    "SignatureDoesNotMatch", "Forbidden", "401", "403",
}  # fmt: skip


def new_s3_client(settings: Settings, *, attempts: int = 1) -> Any:
    """A boto3 client for reading, with credentials from AWS's own chain. Thread-safe.

    `attempts`: how often a call is made before it fails; with 1, retrying is left to the caller.
    """
    # boto3 takes most of a second to import, and most installations only download over https.
    import boto3
    from botocore.config import Config

    options = Config(
        connect_timeout=settings.fetch_stall_timeout_s,
        read_timeout=settings.fetch_stall_timeout_s,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        # Stores other than AWS rarely have a host name for each bucket.
        s3={"addressing_style": "path" if settings.s3_endpoint_url else "auto"},
    )
    return boto3.session.Session().client("s3", endpoint_url=settings.s3_endpoint_url, config=options)


@contextmanager
def s3_errors(place: str) -> Iterator[None]:
    """Translates boto3's errors about `place` inside the block into leaves of `IntakeError`."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _answer_failure(error.response, place) from error
    except (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
    ) as error:
        raise SourceForbidden(f"no AWS credentials were found to read {place}") from error
    except exceptions.ParamValidationError as error:
        raise UrlInvalid(f"{place} is not a valid S3 address") from error
    except exceptions.BotoCoreError as error:
        raise SourceUnavailable(f"reading {place} failed: {error}") from error


def _answer_failure(response: Any, place: str) -> CiraError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _NOT_FOUND:
        return SourceNotFound(f"{place} does not exist", s3_code=code)
    if code in _FORBIDDEN:
        return SourceForbidden(f"S3 denied access to {place}: {code}", s3_code=code)
    if code in _INVALID:
        return UrlInvalid(f"{place} is not a valid S3 address: {code}", s3_code=code)
    if status >= 500 or code in ("SlowDown", "RequestTimeout", "429"):
        return SourceUnavailable(f"S3 cannot serve {place} now: {code}", s3_code=code)
    return SourceAnswerInvalid(f"S3 refused to return {place}: {code}", s3_code=code)
