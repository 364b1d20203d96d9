"""The REST service: submit and follow invoices over HTTP."""
