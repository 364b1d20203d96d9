"""Resource for the object store of documents and readings."""

import dagster as dg
from pydantic import Field

from cira_pipeline.db.documents.objects import ObjectStore


class ObjectStoreResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Object store in a folder or an S3 bucket; keys are content hashes."""

    url: str = Field(description="a folder, file:// or s3://bucket/prefix")
    s3_endpoint_url: str = Field("", description="endpoint of an S3-compatible store other than AWS")
    least_free_bytes: int = Field(0, ge=0, description="free bytes on a folder's disk below which writes are refused")

    def object_store(self) -> ObjectStore:
        return ObjectStore(
            self.url, s3_endpoint_url=self.s3_endpoint_url or None, least_free_bytes=self.least_free_bytes
        )
