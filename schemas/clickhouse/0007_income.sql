-- Money that is due, by the day on which it is: `settlement` is part of the cash balance already and not settled yet,
-- `distribution` will be paid. A rung goes when its day comes.
CREATE TABLE IF NOT EXISTS {database}.cash_ladder {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    currency LowCardinality(String),
    value_date Date32 CODEC(ZSTD(1)),
    kind LowCardinality(String),
    amount Decimal(38, 6) CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, currency, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.cash_ladder_current {on_cluster} AS
SELECT customer, currency, value_date, kind, amount,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.cash_ladder
GROUP BY customer, currency, value_date, kind, amount
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.cash_ladder_as_of {on_cluster} AS
SELECT customer, currency, value_date, kind, amount,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.cash_ladder
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, currency, value_date, kind, amount
HAVING multiplicity > 0;

-- What customers are entitled to of distributions: on the units held when the ex date started, in cents of the
-- instrument's currency, accrued until the pay date. `reinvested` units are taken instead of money.
CREATE TABLE IF NOT EXISTS {database}.distributions {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    instrument LowCardinality(String),
    distribution String CODEC(ZSTD(1)),
    ex_date Date32 CODEC(ZSTD(1)),
    pay_date Date32 CODEC(ZSTD(1)),
    currency LowCardinality(String),
    quantity Decimal(38, 6) CODEC(ZSTD(1)),
    amount Decimal(38, 6) CODEC(ZSTD(1)),
    franked_fraction Decimal(18, 9) CODEC(ZSTD(1)),
    reinvested Decimal(38, 6) CODEC(ZSTD(1)),
    status LowCardinality(String),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, instrument, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.distributions_current {on_cluster} AS
SELECT customer, instrument, distribution, ex_date, pay_date, currency, quantity, amount, franked_fraction, reinvested, status,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.distributions
GROUP BY customer, instrument, distribution, ex_date, pay_date, currency, quantity, amount, franked_fraction, reinvested, status
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.distributions_as_of {on_cluster} AS
SELECT customer, instrument, distribution, ex_date, pay_date, currency, quantity, amount, franked_fraction, reinvested, status,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.distributions
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, instrument, distribution, ex_date, pay_date, currency, quantity, amount, franked_fraction, reinvested, status
HAVING multiplicity > 0;

-- Tax reports by customer and financial year, a line a figure: AUD, the rule it follows and what it comes from
-- (`event:ID`, `input:FIELD`, `law:YEAR`, or other lines of the report).
CREATE TABLE IF NOT EXISTS {database}.tax {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    diff Int8 CODEC(ZSTD(1)),
    customer String CODEC(ZSTD(1)),
    year LowCardinality(String),
    line String CODEC(ZSTD(1)),
    label String CODEC(ZSTD(1)),
    amount Decimal(38, 6) CODEC(ZSTD(1)),
    rule LowCardinality(String),
    sources String CODEC(ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC'),
    INDEX epoch_range epoch TYPE minmax GRANULARITY 1
)
ENGINE = {engine}
ORDER BY (customer, year, epoch)
SETTINGS {deduplication};

CREATE OR REPLACE VIEW {database}.tax_current {on_cluster} AS
SELECT customer, year, line, label, amount, rule, sources,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.tax
GROUP BY customer, year, line, label, amount, rule, sources
HAVING multiplicity > 0;

CREATE OR REPLACE VIEW {database}.tax_as_of {on_cluster} AS
SELECT customer, year, line, label, amount, rule, sources,
    sum(diff) AS multiplicity,
    fromUnixTimestamp64Milli(toInt64(max(epoch)), 'UTC') AS since
FROM {database}.tax
WHERE epoch <= {as_of:UInt64}
GROUP BY customer, year, line, label, amount, rule, sources
HAVING multiplicity > 0;
