-- Containment (custom @> '{"cost_centre": "4711"}') is what the filter asks.

CREATE INDEX records_custom_idx ON cira.records USING gin (custom jsonb_path_ops);
