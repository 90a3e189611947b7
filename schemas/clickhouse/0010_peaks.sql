-- From where a fall of a customer's NAV is measured, at marks, of customers with a limit on it: the peak of NAV, adjusted for
-- deposits, withdrawals and transfers. The drawdown is 1 - nav / peak, with the nav of `valuations`.
CREATE TABLE IF NOT EXISTS {database}.peaks {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    currency LowCardinality(String),
    peak Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.peaks_current {on_cluster} AS
SELECT customer, currency, peak,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.peaks
GROUP BY customer, currency, peak
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.peaks_as_of {on_cluster} AS
SELECT customer, currency, peak,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.peaks
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, currency, peak
HAVING multiplicity > 0;
