"""Models of error responses: RFC 9457 problem details."""

from __future__ import annotations

from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One invalid part of a request. The sent value is not repeated, because it may be a secret."""

    pointer: str = Field(
        description="location: JSON pointer into the body, or `query/NAME`, `path/NAME`, `header/NAME`"
    )
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details. `code` is stable (docs/errors.md lists all codes); `hint` says what to do."""

    type: str = Field(examples=["urn:cira:problem:job_not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no job inv_01jdj5hx4fhk1n2x5vd8sbxy3m"])
    code: str = Field(examples=["job_not_found"])
    hint: str
    retryable: bool
    request_id: str
    errors: list[FieldProblem] | None = None
