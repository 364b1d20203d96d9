-- Partition keys that stand for a batch of jobs. Jobs that were planned before keep their own ids as keys.

ALTER TABLE cira.batches ADD COLUMN partition_key TEXT;
ALTER TABLE cira.batches ADD CONSTRAINT batches_partition_key_fkey FOREIGN KEY(partition_key) REFERENCES cira.batches (batch_id);
COMMENT ON COLUMN cira.batches.partition_key IS 'the one partition key that all its jobs are shown under in Dagster; null: each is shown under its id';

ALTER TABLE cira.jobs ADD COLUMN partition_key TEXT;
ALTER TABLE cira.jobs ADD CONSTRAINT jobs_partition_key_fkey FOREIGN KEY(partition_key) REFERENCES cira.batches (batch_id);
CREATE INDEX jobs_partition_key_idx ON cira.jobs (partition_key) WHERE partition_key IS NOT NULL;
COMMENT ON COLUMN cira.jobs.partition_key IS 'the partition key that stands for it and for others in Dagster: the batch it was first planned in; null: its own id is its key';
