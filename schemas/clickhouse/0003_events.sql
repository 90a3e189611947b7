-- Events: what was recorded, decided and executed. Facts, not collections: no diff.
--
-- A fact is identified by its offset in its log topic, or by its own id, and is written once. A correction is
-- another fact that names the one it corrects. `epoch` is recorded time; `at` in events and ticks is
-- effective time (when it was true), elsewhere the epoch for people.

-- Accepted events of the account and decision topics, each with its whole text.
-- `customer` and `instrument` are empty where an event has none.
CREATE TABLE IF NOT EXISTS {database}.events {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    topic LowCardinality(String),
    `offset` UInt64 CODEC(Delta, ZSTD(1)),
    id String CODEC(ZSTD(1)),
    `type` LowCardinality(String),
    `at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    payload String CODEC(ZSTD(3)),
    recorded_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1,
    INDEX offset_range `offset` TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, `at`, topic, `offset`)
SETTINGS {deduplication};

-- Every market tick, conflated by nothing.
CREATE TABLE IF NOT EXISTS {database}.ticks {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    `offset` UInt64 CODEC(Delta, ZSTD(1)),
    id String CODEC(ZSTD(1)),
    `at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    instrument LowCardinality(String),
    price Decimal(38, 6) CODEC(ZSTD(1)),
    bid Nullable(Decimal(38, 6)) CODEC(ZSTD(1)),
    ask Nullable(Decimal(38, 6)) CODEC(ZSTD(1)),
    volume Nullable(Decimal(38, 6)) CODEC(ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1,
    INDEX offset_range `offset` TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (instrument, `at`, `offset`)
SETTINGS {deduplication};

-- The dead-letter stream: input that was refused, where it stood and what was expected of it.
CREATE TABLE IF NOT EXISTS {database}.rejected {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    `offset` UInt64 CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    line UInt64 CODEC(Delta, ZSTD(1)),
    field LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    payload String CODEC(ZSTD(3)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (source, epoch, `offset`, line)
SETTINGS {deduplication};

-- What a customer's actor decided and why. objective, before and after are JSON.
CREATE TABLE IF NOT EXISTS {database}.decisions {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    `decision` String CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    outcome LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    triggers Array(String) CODEC(ZSTD(1)),
    snapshot_epoch UInt64 CODEC(Delta, ZSTD(1)),
    nav Decimal(38, 6) CODEC(ZSTD(1)),
    objective String CODEC(ZSTD(3)),
    `before` String CODEC(ZSTD(3)),
    `after` String CODEC(ZSTD(3)),
    orders Array(String) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, epoch, `decision`)
SETTINGS {deduplication};

-- The life of an order, in FIX states.
CREATE TABLE IF NOT EXISTS {database}.order_states {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    `order` String CODEC(ZSTD(1)),
    state LowCardinality(String),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    cumulative_quantity Decimal(38, 6) CODEC(ZSTD(1)),
    average_price Decimal(38, 6) CODEC(ZSTD(1)),
    text String CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (`order`, epoch)
SETTINGS {deduplication};

-- Blocks at the market: what is filled, at which average, and the rounding residual not yet allocated.
CREATE TABLE IF NOT EXISTS {database}.blocks {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    `block` String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    side LowCardinality(String),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    filled_quantity Decimal(38, 6) CODEC(ZSTD(1)),
    average_price Decimal(38, 6) CODEC(ZSTD(1)),
    residual Decimal(38, 12) CODEC(ZSTD(1)),
    state LowCardinality(String),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (`block`, epoch)
SETTINGS {deduplication};
