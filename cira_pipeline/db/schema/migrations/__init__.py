"""The schema's history. Applied by `Database.migrate`, never by hand."""
