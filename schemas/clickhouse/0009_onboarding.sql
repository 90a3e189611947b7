-- A new customer's way from a questionnaire to a portfolio that is watched: views of the events that say so. Ratios are of
-- the portfolio or yearly; money is in the customer's base currency.

-- Score, and what each pod gets: a row a pod. `trigger` says why an earlier allocation was replaced.
CREATE OR REPLACE VIEW {database}.pod_allocations {on_cluster} AS
SELECT epoch, recorded_at, id AS allocation, customer,
    JSONExtractString(payload, 'trigger') AS `trigger`,
    JSONExtractUInt(payload, 'risk_score') AS risk_score,
    JSONExtractString(payload, 'risk_category') AS risk_category,
    tupleElement(share, 'pod') AS pod,
    toDecimal64(tupleElement(share, 'weight'), 9) AS weight,
    toDecimal128(tupleElement(share, 'capital'), 6) AS capital,
    JSONExtractString(payload, 'explanation') AS explanation
FROM {database}.events
ARRAY JOIN JSONExtract(payload, 'pods', 'Array(Tuple(pod String, weight String, capital String))') AS share
WHERE `type` = 'pod_allocation_calculated';

-- What each pod holds by itself: a row a pod and instrument. Customers with the same problem share `solution`.
CREATE OR REPLACE VIEW {database}.pod_portfolios {on_cluster} AS
SELECT epoch, recorded_at, customer,
    JSONExtractString(payload, 'allocation') AS allocation,
    JSONExtractString(payload, 'pod') AS pod,
    JSONExtractString(payload, 'objective') AS objective,
    JSONExtractString(payload, 'solution') AS solution,
    toDecimal64(JSONExtractString(payload, 'expected_return'), 9) AS expected_return,
    toDecimal64(JSONExtractString(payload, 'volatility'), 9) AS volatility,
    toDecimal64(JSONExtractString(payload, 'distribution_yield'), 9) AS distribution_yield,
    JSONExtract(payload, 'relaxed', 'Array(String)') AS relaxed,
    tupleElement(held, 1) AS instrument,
    toDecimal64(tupleElement(held, 2), 9) AS weight
FROM {database}.events
ARRAY JOIN JSONExtractKeysAndValues(payload, 'weights', 'String') AS held
WHERE `type` = 'pod_optimized';

-- All pods in one portfolio: a row a holding; `pods` are those that want it.
CREATE OR REPLACE VIEW {database}.master_portfolios {on_cluster} AS
SELECT epoch, recorded_at, id AS portfolio, customer,
    JSONExtractString(payload, 'trigger') AS `trigger`,
    tupleElement(line, 'instrument') AS instrument,
    toDecimal64(tupleElement(line, 'weight'), 9) AS weight,
    toDecimal128(tupleElement(line, 'value'), 6) AS value,
    mapKeys(tupleElement(line, 'pods')) AS pods,
    toDecimal64(JSONExtractString(payload, 'gap'), 9) AS gap,
    JSONExtractRaw(payload, 'objective') AS objective
FROM {database}.events
ARRAY JOIN JSONExtract(payload, 'lines',
    'Array(Tuple(instrument String, weight String, value String, pods Map(String, String)))') AS line
WHERE `type` = 'master_portfolio_optimized';

-- What its tax is expected to be.
CREATE OR REPLACE VIEW {database}.portfolio_taxes {on_cluster} AS
SELECT epoch, recorded_at, customer,
    JSONExtractString(payload, 'portfolio') AS portfolio,
    JSONExtractString(payload, 'financial_year') AS financial_year,
    toDecimal128(JSONExtractString(payload, 'gross_income'), 6) AS gross_income,
    toDecimal128(JSONExtractString(payload, 'franking_credits'), 6) AS franking_credits,
    toDecimal128(JSONExtractString(payload, 'income_tax'), 6) AS income_tax,
    toDecimal128(JSONExtractString(payload, 'capital_gains_tax'), 6) AS capital_gains_tax,
    toDecimal64(JSONExtractString(payload, 'after_tax_return'), 9) AS after_tax_return,
    arrayMap(one -> tupleElement(one, 1), JSONExtract(payload, 'advice', 'Array(Tuple(text String))')) AS advice
FROM {database}.events
WHERE `type` = 'tax_optimization_completed';

-- How the orders of a decision of an advised customer ended.
CREATE OR REPLACE VIEW {database}.trades_executed {on_cluster} AS
SELECT epoch, recorded_at, customer,
    JSONExtractString(payload, 'decision') AS decision,
    JSONExtractUInt(payload, 'filled') AS filled,
    JSONExtractUInt(payload, 'partially_filled') AS partially_filled,
    JSONExtractUInt(payload, 'failed') AS failed,
    toDecimal128(JSONExtractString(payload, 'bought'), 6) AS bought,
    toDecimal128(JSONExtractString(payload, 'sold'), 6) AS sold,
    toDecimal128(JSONExtractString(payload, 'fees'), 6) AS fees
FROM {database}.events
WHERE `type` = 'trades_executed';

-- From when on portfolios are watched: a row a pod, with its next review and what stops it.
CREATE OR REPLACE VIEW {database}.monitoring {on_cluster} AS
SELECT epoch, recorded_at, customer,
    JSONExtractString(payload, 'targets') AS targets,
    tupleElement(watch, 'pod') AS pod,
    toDate32(tupleElement(watch, 'review')) AS review,
    toDecimal64(tupleElement(watch, 'circuit_breaker'), 9) AS circuit_breaker,
    toDecimal64(tupleElement(watch, 'volatility_max'), 9) AS volatility_max
FROM {database}.events
ARRAY JOIN JSONExtract(payload, 'pods',
    'Array(Tuple(pod String, review String, circuit_breaker String, volatility_max String))') AS watch
WHERE `type` = 'portfolio_monitoring_started';
