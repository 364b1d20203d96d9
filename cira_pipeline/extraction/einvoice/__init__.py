"""The engine `einvoice`: structured invoices, standalone or inside a PDF, taken over exactly and for free."""
