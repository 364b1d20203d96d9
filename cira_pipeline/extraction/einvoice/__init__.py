"""The engine `einvoice`: parses structured invoices (XML), standalone or attached to a PDF."""
