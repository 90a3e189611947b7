-- What all customers of one base currency hold of an instrument or of a currency, and what it is worth in their base
-- currency, at marks. The firm's NAV in a base currency is the sum of `value` over its rows.
CREATE TABLE IF NOT EXISTS {database}.exposures {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    base_currency LowCardinality(String),
    kind LowCardinality(String),
    holding LowCardinality(String),
    customers UInt64 CODEC(ZSTD(1)),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    value Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (base_currency, kind, holding, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.exposures_current {on_cluster} AS
SELECT base_currency, kind, holding, customers, quantity, value,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.exposures
GROUP BY base_currency, kind, holding, customers, quantity, value
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.exposures_as_of {on_cluster} AS
SELECT base_currency, kind, holding, customers, quantity, value,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.exposures
WHERE epoch <= {as_of:UInt64}
GROUP BY base_currency, kind, holding, customers, quantity, value
HAVING multiplicity > 0;
