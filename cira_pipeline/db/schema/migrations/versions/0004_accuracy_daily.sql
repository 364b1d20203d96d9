-- Accuracy in operation, measured by the daily report.

CREATE TABLE cira.accuracy_daily (
    day DATE NOT NULL,
    supplier TEXT NOT NULL,
    field TEXT NOT NULL,
    right_count INTEGER NOT NULL,
    wrong_count INTEGER NOT NULL,
    missing_count INTEGER NOT NULL,
    accuracy DOUBLE PRECISION GENERATED ALWAYS AS (right_count::double precision / NULLIF(right_count + wrong_count + missing_count, 0)) STORED NOT NULL,
    measured_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT accuracy_daily_pkey PRIMARY KEY (day, supplier, field),
    CONSTRAINT accuracy_daily_counts_check CHECK (least(right_count, wrong_count, missing_count) >= 0 AND right_count + wrong_count + missing_count > 0),
    CONSTRAINT accuracy_daily_supplier_check CHECK (length(supplier) <= 200)
);
COMMENT ON TABLE cira.accuracy_daily IS 'How right records were against their labels; the daily report fills it';
COMMENT ON COLUMN cira.accuracy_daily.day IS 'the day, in UTC, since which the measured records stand';
COMMENT ON COLUMN cira.accuracy_daily.supplier IS 'supplier as labelled, else as read; empty: unknown';
COMMENT ON COLUMN cira.accuracy_daily.field IS 'a header field, or line_items, where wrong ones are invented lines and missing ones overlooked';
COMMENT ON COLUMN cira.accuracy_daily.right_count IS 'labelled values that the records have right';
COMMENT ON COLUMN cira.accuracy_daily.wrong_count IS 'values of the records that are not the labelled ones';
COMMENT ON COLUMN cira.accuracy_daily.missing_count IS 'labelled values that the records lack';
COMMENT ON COLUMN cira.accuracy_daily.accuracy IS 'share of the three counts that is right, 0 to 1; add up counts rather than averaging it';
COMMENT ON COLUMN cira.accuracy_daily.measured_at IS 'when it was last measured';
