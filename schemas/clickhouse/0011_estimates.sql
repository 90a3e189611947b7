-- What an instrument's price returned on a day: close over the close before it, less 1, splits taken out.
CREATE TABLE IF NOT EXISTS {database}.returns {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    date Date32 CODEC(ZSTD(1)),
    price_return Decimal(18, 9) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (instrument, date, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.returns_current {on_cluster} AS
SELECT instrument, date, price_return,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.returns
GROUP BY instrument, date, price_return
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.returns_as_of {on_cluster} AS
SELECT instrument, date, price_return,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.returns
WHERE epoch <= {as_of:UInt64}
GROUP BY instrument, date, price_return
HAVING multiplicity > 0;

-- What is estimated of an instrument from the closing marks of a year, at marks; yearly figures. The return that the capital asset
-- pricing model expects is the risk-free one + beta * the market's premium, both of the policy that constructs.
CREATE TABLE IF NOT EXISTS {database}.estimates {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    currency LowCardinality(String),
    as_of Date32 CODEC(ZSTD(1)),
    model LowCardinality(String),
    observations UInt32 CODEC(ZSTD(1)),
    first_day Date32 CODEC(ZSTD(1)),
    last_day Date32 CODEC(ZSTD(1)),
    volatility Decimal(18, 9) CODEC(ZSTD(1)),
    volatility_ewma Decimal(18, 9) CODEC(ZSTD(1)),
    specific_variance Decimal(18, 9) CODEC(ZSTD(1)),
    beta Decimal(18, 9) CODEC(ZSTD(1)),
    mean_return Decimal(18, 9) CODEC(ZSTD(1)),
    distribution_yield Decimal(18, 9) CODEC(ZSTD(1)),
    franked_fraction Decimal(18, 9) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.estimates_current {on_cluster} AS
SELECT instrument, currency, as_of, model, observations, first_day, last_day, volatility, volatility_ewma, specific_variance, beta, mean_return, distribution_yield, franked_fraction,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.estimates
GROUP BY instrument, currency, as_of, model, observations, first_day, last_day, volatility, volatility_ewma, specific_variance, beta, mean_return, distribution_yield, franked_fraction
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.estimates_as_of {on_cluster} AS
SELECT instrument, currency, as_of, model, observations, first_day, last_day, volatility, volatility_ewma, specific_variance, beta, mean_return, distribution_yield, franked_fraction,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.estimates
WHERE epoch <= {as_of:UInt64}
GROUP BY instrument, currency, as_of, model, observations, first_day, last_day, volatility, volatility_ewma, specific_variance, beta, mean_return, distribution_yield, franked_fraction
HAVING multiplicity > 0;

-- How two instruments of a currency move together, or one by itself, a year: Ledoit and Wolf's covariance and the exponentially
-- weighted one, of the instruments whose model is ledoit_wolf in `estimates`. Each pair is there once.
CREATE TABLE IF NOT EXISTS {database}.covariances {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    other LowCardinality(String),
    covariance Decimal(18, 9) CODEC(ZSTD(1)),
    covariance_ewma Decimal(18, 9) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (instrument, other, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.covariances_current {on_cluster} AS
SELECT instrument, other, covariance, covariance_ewma,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.covariances
GROUP BY instrument, other, covariance, covariance_ewma
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.covariances_as_of {on_cluster} AS
SELECT instrument, other, covariance, covariance_ewma,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.covariances
WHERE epoch <= {as_of:UInt64}
GROUP BY instrument, other, covariance, covariance_ewma
HAVING multiplicity > 0;

-- What an instrument does per unit of a factor, a year, of the instruments whose model is factors in `estimates`. Factors are
-- numbered by currency, have a variance of 1 and no correlation: the covariance of two is the sum of the products of their
-- loadings, and the specific variance beside it if they are the same.
CREATE TABLE IF NOT EXISTS {database}.factor_loadings {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    factor UInt16 CODEC(ZSTD(1)),
    loading Decimal(18, 9) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (instrument, factor, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.factor_loadings_current {on_cluster} AS
SELECT instrument, factor, loading,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.factor_loadings
GROUP BY instrument, factor, loading
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.factor_loadings_as_of {on_cluster} AS
SELECT instrument, factor, loading,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.factor_loadings
WHERE epoch <= {as_of:UInt64}
GROUP BY instrument, factor, loading
HAVING multiplicity > 0;
