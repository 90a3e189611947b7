-- Fees and interest that accrue from day to day, by month: `until` is the last day that counts, `accrued` until the pay
-- date has come. A fee is charged, interest is received; in cents, on the pay date.
CREATE TABLE IF NOT EXISTS {database}.accruals {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    currency LowCardinality(String),
    `from` Date32 CODEC(ZSTD(1)),
    until Date32 CODEC(ZSTD(1)),
    amount Decimal(38, 6) CODEC(ZSTD(1)),
    pay_date Date32 CODEC(ZSTD(1)),
    status LowCardinality(String),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, kind, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.accruals_current {on_cluster} AS
SELECT customer, kind, currency, `from`, until, amount, pay_date, status,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.accruals
GROUP BY customer, kind, currency, `from`, until, amount, pay_date, status
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.accruals_as_of {on_cluster} AS
SELECT customer, kind, currency, `from`, until, amount, pay_date, status,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.accruals
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, kind, currency, `from`, until, amount, pay_date, status
HAVING multiplicity > 0;

-- Holdings whose loss is worth harvesting, while it is: what takes their place, how closely that moves with them (the last
-- year's closing marks up to `as_of`), and the purchase that speaks against a sale; `wash` is `clear` or `wash_sale`.
CREATE TABLE IF NOT EXISTS {database}.harvest_candidates {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    as_of Date32 CODEC(ZSTD(1)),
    replacement LowCardinality(String),
    correlation Decimal(18, 9) CODEC(ZSTD(1)),
    tracking_error Decimal(18, 9) CODEC(ZSTD(1)),
    wash LowCardinality(String),
    wash_score Decimal(18, 9) CODEC(ZSTD(1)),
    purchase LowCardinality(String),
    purchase_lot String CODEC(ZSTD(1)),
    purchase_date String CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.harvest_candidates_current {on_cluster} AS
SELECT customer, instrument, as_of, replacement, correlation, tracking_error, wash, wash_score, purchase, purchase_lot, purchase_date,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.harvest_candidates
GROUP BY customer, instrument, as_of, replacement, correlation, tracking_error, wash, wash_score, purchase, purchase_lot, purchase_date
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.harvest_candidates_as_of {on_cluster} AS
SELECT customer, instrument, as_of, replacement, correlation, tracking_error, wash, wash_score, purchase, purchase_lot, purchase_date,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.harvest_candidates
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, instrument, as_of, replacement, correlation, tracking_error, wash, wash_score, purchase, purchase_lot, purchase_date
HAVING multiplicity > 0;
