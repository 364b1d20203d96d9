"""REST service and web page: submit invoices, poll jobs, review records."""
