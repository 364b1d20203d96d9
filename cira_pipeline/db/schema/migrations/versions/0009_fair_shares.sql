-- Turns by client, and the host that a job is to be fetched from. Adding the column rewrites cira.jobs once.

ALTER TABLE cira.jobs ADD COLUMN source_host TEXT GENERATED ALWAYS AS (CASE WHEN document_sha256 IS NOT NULL THEN NULL WHEN url LIKE 's3://%' THEN substring(url FROM '^s3://[^/]+') ELSE substring(url FROM '^https?://([^/?#]+)') END) STORED;
COMMENT ON COLUMN cira.jobs.source_host IS 'the host, with its port, or s3:// and the bucket, that its document is still to be fetched from; null: it is there, or a file';

CREATE INDEX jobs_client_waiting_idx ON cira.jobs (client, job_id) WHERE status = 'queued' AND batch_id IS NULL;
CREATE INDEX jobs_active_source_idx ON cira.jobs (source_host, job_id) WHERE status IN ('queued', 'running') AND source_host IS NOT NULL;
CREATE INDEX jobs_waiting_source_idx ON cira.jobs (source_host, not_before, job_id) WHERE status = 'waiting' AND error_code IN ('source_busy', 'source_paused', 'source_unavailable', 'download_timed_out') AND source_host IS NOT NULL;
CREATE INDEX jobs_waiting_source_since_idx ON cira.jobs (queued_at) WHERE status = 'waiting' AND error_code IN ('source_busy', 'source_paused', 'source_unavailable', 'download_timed_out') AND source_host IS NOT NULL;
DROP INDEX cira.jobs_waiting_idx;

COMMENT ON COLUMN cira.jobs.queued_at IS 'when it last entered the queue; a wait for its source counts on';
COMMENT ON COLUMN cira.jobs.status IS 'queued, running, needs_budget (waits for money), waiting (waits for a source or a service that is down, or for a model batch), succeeded, failed (a stage broke, a retry may help), rejected (can never become an accepted invoice), cancelled';
