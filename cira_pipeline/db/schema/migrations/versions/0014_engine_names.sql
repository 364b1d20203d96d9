-- Engines are registered in the code alone (models.EngineName): a new one needs no migration.

ALTER TABLE cira.extractions
    DROP CONSTRAINT extractions_engine_check,
    ADD CONSTRAINT extractions_engine_check CHECK (engine ~ '^[a-z][a-z0-9_]*$');
ALTER TABLE cira.records
    DROP CONSTRAINT records_engine_check,
    ADD CONSTRAINT records_engine_check CHECK (engine ~ '^[a-z][a-z0-9_]*$' AND engine = ANY (engines));
ALTER TABLE cira.record_evidence
    DROP CONSTRAINT record_evidence_engine_check,
    ADD CONSTRAINT record_evidence_engine_check CHECK (engine ~ '^[a-z][a-z0-9_]*$');

COMMENT ON COLUMN cira.extractions.engine IS 'name of the engine';
COMMENT ON COLUMN cira.invoices.engine IS 'the engine whose extraction was chosen';
