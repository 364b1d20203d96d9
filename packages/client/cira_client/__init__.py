"""CIRA's REST service from Python, without the server: submit, wait, fetch, review.

    from cira_client import Client

    with Client("http://127.0.0.1:8000", key="cira_...") as client:
        job = client.submit("https://supplier.example/invoices/4711.pdf")
        if client.wait(job.job_id, timeout_s=120).status == "succeeded":
            print(client.invoice(job.job_id).invoice.gross_total)

`AsyncClient` has the same methods, awaited. Errors are those of `cira_client.errors`, by code.
"""

from .client import AnsweredError, AsyncClient, Client, DownloadedDocument, InvoiceFilter, JobRequest, Patience

__all__ = ["AnsweredError", "AsyncClient", "Client", "DownloadedDocument", "InvoiceFilter", "JobRequest", "Patience"]
