-- Ledgers: what customers hold, what it is worth, and the prices behind it.
--
-- Every table here is a log of changes: a row, the epoch (milliseconds since 1970, UTC) at which we learned
-- of it, and +1 or -1 (`diff`). Nothing is ever overwritten: what holds now is the sum of diffs per row
-- (`<name>_current`), what we believed at T is the sum of diffs recorded up to T (`<name>_as_of(as_of = T)`).
-- `at` is the epoch for people. `since` in the views is when a row last changed its multiplicity. The minmax
-- index lets a question about a span of time, and the writer's search for the newest epoch, skip most of a
-- table that is sorted for other questions.

-- Units of an instrument that a customer holds, signed.
CREATE TABLE IF NOT EXISTS {database}.positions {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.positions_current {on_cluster} AS
SELECT customer, instrument, quantity,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.positions
GROUP BY customer, instrument, quantity
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.positions_as_of {on_cluster} AS
SELECT customer, instrument, quantity,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.positions
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, instrument, quantity
HAVING multiplicity > 0;

-- Cash of a customer in one currency, signed.
CREATE TABLE IF NOT EXISTS {database}.cash {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    currency LowCardinality(String),
    amount Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, currency, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.cash_current {on_cluster} AS
SELECT customer, currency, amount,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.cash
GROUP BY customer, currency, amount
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.cash_as_of {on_cluster} AS
SELECT customer, currency, amount,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.cash
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, currency, amount
HAVING multiplicity > 0;

-- Last price of an instrument, conflated per epoch.
CREATE TABLE IF NOT EXISTS {database}.prices {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    price Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.prices_current {on_cluster} AS
SELECT instrument, price,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.prices
GROUP BY instrument, price
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.prices_as_of {on_cluster} AS
SELECT instrument, price,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.prices
WHERE epoch <= {as_of:UInt64}
GROUP BY instrument, price
HAVING multiplicity > 0;

-- Last rate of a pair: one unit of the first currency is `rate` of the second (USD/AUD).
CREATE TABLE IF NOT EXISTS {database}.fx_rates {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    pair LowCardinality(String),
    rate Decimal(18, 9) CODEC(T64, ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (pair, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.fx_rates_current {on_cluster} AS
SELECT pair, rate,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.fx_rates
GROUP BY pair, rate
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.fx_rates_as_of {on_cluster} AS
SELECT pair, rate,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.fx_rates
WHERE epoch <= {as_of:UInt64}
GROUP BY pair, rate
HAVING multiplicity > 0;

-- Net asset value of a customer and its two parts, in the customer's base currency.
CREATE TABLE IF NOT EXISTS {database}.valuations {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    currency LowCardinality(String),
    nav Decimal(38, 6) CODEC(ZSTD(1)),
    market_value Decimal(38, 6) CODEC(ZSTD(1)),
    cash Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.valuations_current {on_cluster} AS
SELECT customer, currency, nav, market_value, cash,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.valuations
GROUP BY customer, currency, nav, market_value, cash
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.valuations_as_of {on_cluster} AS
SELECT customer, currency, nav, market_value, cash,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.valuations
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, currency, nav, market_value, cash
HAVING multiplicity > 0;

-- Weight, target and drift of one holding: ratios of NAV, drift = weight - target.
CREATE TABLE IF NOT EXISTS {database}.drift {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    weight Decimal(18, 9) CODEC(T64, ZSTD(1)),
    target Decimal(18, 9) CODEC(T64, ZSTD(1)),
    drift Decimal(18, 9) CODEC(T64, ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.drift_current {on_cluster} AS
SELECT customer, instrument, weight, target, drift,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.drift
GROUP BY customer, instrument, weight, target, drift
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.drift_as_of {on_cluster} AS
SELECT customer, instrument, weight, target, drift,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.drift
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, instrument, weight, target, drift
HAVING multiplicity > 0;
