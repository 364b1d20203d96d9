"""The S3 client of intake, and what S3's answers mean."""

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
    """A boto3 client for reading, with credentials from AWS's own chain. Safe to share between threads.

    `attempts` is how often a call is made before it fails for good; with 1 trying again is the caller's to decide.
    """
    # boto3 takes most of a second to import; most installations fetch over https only.
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
    """Raises what boto3 says about `place` in the block as a leaf of `IntakeError`."""
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
        raise SourceForbidden(f"there are no AWS credentials to read {place} with") from error
    except exceptions.ParamValidationError as error:
        raise UrlInvalid(f"{place} is not a valid S3 address") from error
    except exceptions.BotoCoreError as error:
        raise SourceUnavailable(f"reading {place} failed: {error}") from error


def _answer_failure(response: Any, place: str) -> CiraError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _NOT_FOUND:
        return SourceNotFound(f"there is no {place}", s3_code=code)
    if code in _FORBIDDEN:
        return SourceForbidden(f"S3 refuses {place}: {code}", s3_code=code)
    if code in _INVALID:
        return UrlInvalid(f"{place} is not a valid S3 address: {code}", s3_code=code)
    if status >= 500 or code in ("SlowDown", "RequestTimeout", "429"):
        return SourceUnavailable(f"S3 cannot serve {place} now: {code}", s3_code=code)
    return SourceAnswerInvalid(f"S3 does not hand out {place}: {code}", s3_code=code)
