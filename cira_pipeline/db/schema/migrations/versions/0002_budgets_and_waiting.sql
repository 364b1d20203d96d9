-- Jobs that wait for a budget or for a dependency, and until when.
ALTER TABLE cira.jobs
    ADD COLUMN not_before TIMESTAMP WITH TIME ZONE,
    ADD COLUMN needs_usd NUMERIC,
    DROP CONSTRAINT jobs_status_check,
    DROP CONSTRAINT jobs_error_code_when_failed_check,
    ADD CONSTRAINT jobs_status_check CHECK (status IN ('queued', 'running', 'needs_budget', 'waiting', 'succeeded', 'failed', 'rejected', 'cancelled')),
    ADD CONSTRAINT jobs_error_code_when_failed_check CHECK ((status IN ('failed', 'rejected', 'needs_budget', 'waiting')) = (error_code IS NOT NULL)),
    ADD CONSTRAINT jobs_waits_until_check CHECK ((status IN ('needs_budget', 'waiting')) = (not_before IS NOT NULL)),
    ADD CONSTRAINT jobs_waits_in_stage_check CHECK (not_before IS NULL OR stage IS NOT NULL),
    ADD CONSTRAINT jobs_needs_usd_check CHECK (needs_usd >= 0 AND needs_usd < 1e12 AND (status <> 'needs_budget' OR needs_usd IS NOT NULL));
CREATE INDEX jobs_held_idx ON cira.jobs (status, job_id) WHERE status IN ('needs_budget', 'waiting');
CREATE INDEX jobs_needs_usd_idx ON cira.jobs (client) WHERE needs_usd IS NOT NULL;
COMMENT ON COLUMN cira.jobs.status IS 'queued, running, needs_budget (waits for money), waiting (waits for a dependency that is down), succeeded, failed (a stage broke, a retry may help), rejected (can never become an accepted invoice), cancelled';
COMMENT ON COLUMN cira.jobs.stage IS 'the stage it is in, waits in or ended in; null while queued';
COMMENT ON COLUMN cira.jobs.error_code IS 'stable code of the error that ended the job or makes it wait; docs/errors.md lists them';
COMMENT ON COLUMN cira.jobs.attempts IS 'runs that have worked on it, those left out at whose end it waited';
COMMENT ON COLUMN cira.jobs.finished_at IS 'when it ended; null before';
COMMENT ON COLUMN cira.jobs.not_before IS 'a waiting job is taken up again then, or sooner when there is money; null for all others';
COMMENT ON COLUMN cira.jobs.needs_usd IS 'USD that a job which waited for a budget may spend next; null for all others';

-- An unanswered claim reserves what its answer can cost at the most.
ALTER TABLE cira.model_answers
    ADD COLUMN job_id TEXT COLLATE "C",
    ADD COLUMN reserved_usd NUMERIC DEFAULT '0' NOT NULL,
    ADD CONSTRAINT model_answers_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id) ON DELETE SET NULL,
    ADD CONSTRAINT model_answers_reserved_usd_check CHECK (reserved_usd >= 0 AND reserved_usd < 1e12);
CREATE INDEX model_answers_asked_idx ON cira.model_answers (lease_until) WHERE answered_at IS NULL;
CREATE INDEX model_answers_job_id_idx ON cira.model_answers (job_id);
COMMENT ON COLUMN cira.model_answers.job_id IS 'the job it is asked and paid for; others may use the answer too';
COMMENT ON COLUMN cira.model_answers.reserved_usd IS 'USD the answer can cost at the most; held back from the budgets while it is being asked';

-- Sums of the cost entries, kept with them, so that a budget is checked by reading one row.
CREATE TABLE cira.spending (
    client TEXT NOT NULL,
    period TEXT NOT NULL,
    starts_on DATE NOT NULL,
    spent_usd NUMERIC DEFAULT '0' NOT NULL,
    CONSTRAINT spending_pkey PRIMARY KEY (client, period, starts_on),
    CONSTRAINT spending_period_check CHECK (period IN ('day', 'month') AND (period = 'day' OR extract(day FROM starts_on) = 1)),
    CONSTRAINT spending_spent_usd_check CHECK (spent_usd >= 0 AND spent_usd < 1e12)
);
COMMENT ON TABLE cira.spending IS 'Cost entries summed by day and month (UTC), for each client and for all; budgets are held to it';
COMMENT ON COLUMN cira.spending.client IS 'whose jobs it was spent on; empty: all clients together';
COMMENT ON COLUMN cira.spending.period IS 'day or month';
COMMENT ON COLUMN cira.spending.starts_on IS 'first day of the period, UTC';
COMMENT ON COLUMN cira.spending.spent_usd IS 'USD booked in the period';

INSERT INTO cira.spending (client, period, starts_on, spent_usd)
SELECT coalesce(client, ''), period, date_trunc(period, created_at AT TIME ZONE 'UTC')::date, sum(amount_usd)
FROM cira.cost_entries
JOIN cira.jobs USING (job_id)
CROSS JOIN (VALUES ('day'), ('month')) periods (period)
GROUP BY GROUPING SETS (
    (client, period, date_trunc(period, created_at AT TIME ZONE 'UTC')::date),
    (period, date_trunc(period, created_at AT TIME ZONE 'UTC')::date)
);

CREATE VIEW cira.daily_costs AS
SELECT
    (c.created_at AT TIME ZONE 'UTC')::date AS day,
    j.client,
    c.provider,
    c.model,
    c.unit,
    sum(c.quantity) AS quantity,
    sum(c.amount_usd) AS amount_usd,
    count(DISTINCT c.job_id) AS jobs
FROM cira.cost_entries c
JOIN cira.jobs j USING (job_id)
GROUP BY 1, 2, 3, 4, 5;

COMMENT ON VIEW cira.daily_costs IS 'What was spent each day (UTC), by client, provider, model and unit';
COMMENT ON COLUMN cira.daily_costs.day IS 'the day it was booked, UTC';
COMMENT ON COLUMN cira.daily_costs.client IS 'whose jobs it was spent on';
COMMENT ON COLUMN cira.daily_costs.provider IS 'who is paid';
COMMENT ON COLUMN cira.daily_costs.model IS 'what was used';
COMMENT ON COLUMN cira.daily_costs.unit IS 'what is counted, such as input_token';
COMMENT ON COLUMN cira.daily_costs.quantity IS 'how many units';
COMMENT ON COLUMN cira.daily_costs.amount_usd IS 'USD, exact';
COMMENT ON COLUMN cira.daily_costs.jobs IS 'jobs it was spent on; a job with several units counts in each row';

CREATE VIEW cira.waiting_jobs AS
SELECT
    job_id,
    status AS waits_for,
    client,
    client_reference,
    url,
    stage,
    error_code,
    error_message,
    error_hint,
    needs_usd,
    not_before,
    updated_at AS waiting_since,
    submitted_at
FROM cira.jobs
WHERE status IN ('needs_budget', 'waiting');

COMMENT ON VIEW cira.waiting_jobs IS 'Jobs that wait by themselves and go on by themselves: for a budget, or for a dependency that is down';
COMMENT ON COLUMN cira.waiting_jobs.job_id IS 'the job';
COMMENT ON COLUMN cira.waiting_jobs.waits_for IS 'needs_budget: for money; waiting: for a dependency';
COMMENT ON COLUMN cira.waiting_jobs.client IS 'who submitted it';
COMMENT ON COLUMN cira.waiting_jobs.client_reference IS 'the client''s own reference';
COMMENT ON COLUMN cira.waiting_jobs.url IS 'where the invoice is';
COMMENT ON COLUMN cira.waiting_jobs.stage IS 'the stage it waits in; earlier ones are done and kept';
COMMENT ON COLUMN cira.waiting_jobs.error_code IS 'stable code of what makes it wait';
COMMENT ON COLUMN cira.waiting_jobs.error_message IS 'which budget or dependency, and how far it is used up or down';
COMMENT ON COLUMN cira.waiting_jobs.error_hint IS 'what a person can do to shorten the wait';
COMMENT ON COLUMN cira.waiting_jobs.needs_usd IS 'USD its next question can cost at the most; null where it waits for no money';
COMMENT ON COLUMN cira.waiting_jobs.not_before IS 'when it is taken up again at the latest';
COMMENT ON COLUMN cira.waiting_jobs.waiting_since IS 'when it began to wait';
COMMENT ON COLUMN cira.waiting_jobs.submitted_at IS 'when the invoice was submitted';
