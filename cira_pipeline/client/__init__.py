"""CIRA's REST service from Python: submit, wait, fetch, review; synchronous and asynchronous.

    from cira_pipeline.client import Client

    with Client("http://127.0.0.1:8000", key="cira_...") as client:
        job = client.submit("https://supplier.example/invoices/4711.pdf")
        if client.wait(job.job_id, timeout_s=120).status == "succeeded":
            print(client.invoice(job.job_id).invoice.gross_total)

Answers are the service's own models. Errors are those of `cira_pipeline.errors`, by code, and each is also an
`AnsweredError` with the HTTP status and the request's id. Importing this loads no server, database or Dagster.
"""

from ..api.job_models import JobRequest
from .answers import AnsweredError
from .async_client import AsyncClient
from .calls import DownloadedDocument, InvoiceFilter
from .retrying import Patience
from .sync_client import Client

__all__ = ["AnsweredError", "AsyncClient", "Client", "DownloadedDocument", "InvoiceFilter", "JobRequest", "Patience"]
