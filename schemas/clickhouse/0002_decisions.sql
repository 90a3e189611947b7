-- What called for action, what was ordered, and what did not look right.
--
-- Every table here is a log of changes: a row, the epoch (milliseconds since 1970, UTC) at which we learned
-- of it, and +1 or -1 (`diff`). Nothing is ever overwritten: what holds now is the sum of diffs per row
-- (`<name>_current`), what we believed at T is the sum of diffs recorded up to T (`<name>_as_of(as_of = T)`).
-- `at` is the epoch for people. `since` in the views is when a row last changed its multiplicity. The minmax
-- index lets a question about a span of time, and the writer's search for the newest epoch, skip most of a
-- table that is sorted for other questions.

-- Holdings (or buckets) outside their band; side is over or under.
CREATE TABLE IF NOT EXISTS {database}.breaches {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    side LowCardinality(String),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.breaches_current {on_cluster} AS
SELECT customer, instrument, side,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.breaches
GROUP BY customer, instrument, side
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.breaches_as_of {on_cluster} AS
SELECT customer, instrument, side,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.breaches
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, instrument, side
HAVING multiplicity > 0;

-- Open reasons to act: the measure that crossed the limit.
CREATE TABLE IF NOT EXISTS {database}.triggers {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    `trigger` String CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    subject String CODEC(ZSTD(1)),
    measure Decimal(38, 9) CODEC(ZSTD(1)),
    `limit` Decimal(38, 9) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, epoch, `trigger`)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.triggers_current {on_cluster} AS
SELECT `trigger`, customer, kind, subject, measure, `limit`,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.triggers
GROUP BY `trigger`, customer, kind, subject, measure, `limit`
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.triggers_as_of {on_cluster} AS
SELECT `trigger`, customer, kind, subject, measure, `limit`,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.triggers
WHERE epoch <= {as_of:UInt64}
GROUP BY `trigger`, customer, kind, subject, measure, `limit`
HAVING multiplicity > 0;

-- Orders as the desk knows them; a change of state is a retraction and an assertion.
CREATE TABLE IF NOT EXISTS {database}.orders {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    `order` String CODEC(ZSTD(1)),
    `block` String CODEC(ZSTD(1)),
    `decision` String CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    side LowCardinality(String),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    state LowCardinality(String),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, `order`, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.orders_current {on_cluster} AS
SELECT `order`, `block`, `decision`, customer, instrument, side, quantity, state,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.orders
GROUP BY `order`, `block`, `decision`, customer, instrument, side, quantity, state
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.orders_as_of {on_cluster} AS
SELECT `order`, `block`, `decision`, customer, instrument, side, quantity, state,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.orders
WHERE epoch <= {as_of:UInt64}
GROUP BY `order`, `block`, `decision`, customer, instrument, side, quantity, state
HAVING multiplicity > 0;

-- A customer's share of a block's fills, at the block's average price.
CREATE TABLE IF NOT EXISTS {database}.allocations {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    `block` String CODEC(ZSTD(1)),
    `order` String CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    side LowCardinality(String),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    price Decimal(38, 6) CODEC(ZSTD(1)),
    fee Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, epoch, `order`)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.allocations_current {on_cluster} AS
SELECT `block`, `order`, customer, instrument, side, quantity, price, fee,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.allocations
GROUP BY `block`, `order`, customer, instrument, side, quantity, price, fee
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.allocations_as_of {on_cluster} AS
SELECT `block`, `order`, customer, instrument, side, quantity, price, fee,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.allocations
WHERE epoch <= {as_of:UInt64}
GROUP BY `block`, `order`, customer, instrument, side, quantity, price, fee
HAVING multiplicity > 0;

-- What does not look right but stops nothing: stale prices, undefined weights, gaps.
CREATE TABLE IF NOT EXISTS {database}.anomalies {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    source String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (kind, source, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.anomalies_current {on_cluster} AS
SELECT source, kind, detail,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.anomalies
GROUP BY source, kind, detail
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.anomalies_as_of {on_cluster} AS
SELECT source, kind, detail,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.anomalies
WHERE epoch <= {as_of:UInt64}
GROUP BY source, kind, detail
HAVING multiplicity > 0;
