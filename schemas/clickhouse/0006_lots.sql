-- Open tax lots: units held since one day, and what they cost in the instrument's currency. A lot is named by the event
-- that opened it.
CREATE TABLE IF NOT EXISTS {database}.lots {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    lot String CODEC(ZSTD(1)),
    acquired Date32 CODEC(ZSTD(1)),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    cost_base Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.lots_current {on_cluster} AS
SELECT customer, instrument, lot, acquired, quantity, cost_base,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.lots
GROUP BY customer, instrument, lot, acquired, quantity, cost_base
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.lots_as_of {on_cluster} AS
SELECT customer, instrument, lot, acquired, quantity, cost_base,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.lots
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, instrument, lot, acquired, quantity, cost_base
HAVING multiplicity > 0;

-- What one disposal realised of one lot, in the instrument's currency: proceeds are net of the fee, gain = proceeds - cost_base.
-- `disposal` is the event: a sale, or a corporate action.
CREATE TABLE IF NOT EXISTS {database}.realised_gains {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    lot String CODEC(ZSTD(1)),
    acquired Date32 CODEC(ZSTD(1)),
    disposed Date32 CODEC(ZSTD(1)),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    proceeds Decimal(38, 6) CODEC(ZSTD(1)),
    cost_base Decimal(38, 6) CODEC(ZSTD(1)),
    gain Decimal(38, 6) CODEC(ZSTD(1)),
    days_held Int32 CODEC(ZSTD(1)),
    fee Decimal(38, 6) CODEC(ZSTD(1)),
    kind LowCardinality(String),
    disposal String CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.realised_gains_current {on_cluster} AS
SELECT customer, instrument, lot, acquired, disposed, quantity, proceeds, cost_base, gain, days_held, fee, kind, disposal,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.realised_gains
GROUP BY customer, instrument, lot, acquired, disposed, quantity, proceeds, cost_base, gain, days_held, fee, kind, disposal
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.realised_gains_as_of {on_cluster} AS
SELECT customer, instrument, lot, acquired, disposed, quantity, proceeds, cost_base, gain, days_held, fee, kind, disposal,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.realised_gains
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, instrument, lot, acquired, disposed, quantity, proceeds, cost_base, gain, days_held, fee, kind, disposal
HAVING multiplicity > 0;
