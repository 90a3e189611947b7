// The glossary: every dotted word of the page and the legend at its foot come from here.

export const TERMS = {
  aum: ['Assets under management', 'Market value plus cash of every customer’s portfolio, in the base currency.'],
  customers: ['Customers', 'Customers whose portfolios are being watched.'],
  instruments: ['Instruments', 'Listed securities known to the engine: ETFs, stocks, funds, bonds, cash and alternatives.'],
  nav: ['NAV', 'Net asset value of one portfolio: market value of its holdings plus cash, in base currency.'],
  drift: ['Drift', 'Actual weight minus target weight of a holding, in percentage points of NAV.'],
  band: ['Tolerance band', 'How far a weight may be from its target before it counts as a breach. 5 percentage points unless the customer’s targets say otherwise.'],
  out_of_band: ['Out of band', 'Customers with at least one holding outside its tolerance band now.'],
  breach: ['Breach', 'One holding outside its tolerance band now. It ends when the weight is back inside, by trading or by the market.'],
  trigger: ['Trigger', 'An open reason to act on one portfolio: drift past the band, a loss worth harvesting, a risk limit, a cash flow, or a manual request. Each opens once and closes once.'],
  drift_trigger: ['Drift trigger', 'A weight left its tolerance band.'],
  tax_opportunity: ['Tax opportunity trigger', 'A loss is worth harvesting: selling the holding saves more tax than it costs, and the customer’s threshold. It is proposed, not traded.'],
  concentration: ['Concentration trigger', 'One instrument weighs more than the customer’s limit, as a share of NAV.'],
  stop_loss: ['Stop-loss trigger', 'A holding fell further below the cost base of its open lots than the customer’s limit.'],
  drawdown: ['Drawdown trigger', 'NAV fell further below its peak than the customer’s limit. Deposits, withdrawals and transfers do not count.'],
  value_at_risk: ['Value at risk trigger', 'The loss of one day that is exceeded on one day in twenty, as a share of NAV, is beyond the customer’s limit. Looked at when valuations are reported.'],
  cash_flow: ['Cash flow trigger', 'Money came into or went out of the portfolio and is not yet invested or raised.'],
  portfolio_change: ['Portfolio change', 'A new portfolio takes the place of an earlier one: the risk profile changed, a goal came near, a review was due, or a pod became more volatile than it may be.'],
  manual: ['Manual trigger', 'Somebody asked for a rebalance.'],
  decision: ['Decision', 'The optimizer’s answer to a customer’s open triggers: trade, or hold with the reason. Logged before anything is sent.'],
  trade: ['Trade', 'A decision that sends orders to the desk.'],
  hold: ['Hold', 'A decision to trade nothing: cool-down, below minimum trade, cost above benefit, or a rebalance already open.'],
  orders: ['Orders by FIX state', 'Number of orders in each order status, FIX tag 39 (OrdStatus).'],
  pending_new: ['Pending new', 'FIX 39=A. Accepted by the desk, not yet acknowledged by the broker.'],
  new: ['New', 'FIX 39=0. Acknowledged by the broker and working.'],
  partially_filled: ['Partially filled', 'FIX 39=1. Working, part of the quantity is executed.'],
  filled: ['Filled', 'FIX 39=2. The whole quantity is executed.'],
  canceled: ['Canceled', 'FIX 39=4. Ended with a part not executed.'],
  rejected_order: ['Rejected', 'FIX 39=8. Refused by the desk’s pre-trade checks or by the broker.'],
  expired: ['Expired', 'FIX 39=C. Ended by its time in force.'],
  orders_rate: ['Orders per second', 'Orders sent by the desk each second, over all customers.'],
  block: ['Block', 'Customers’ orders in one instrument and side, worked as one and allocated back pro rata at the average price.'],
  events: ['Events per second', 'Market and account events accepted into the log each second.'],
  rejected: ['Rejected events', 'Events refused at the door (dead letters), each with its source, line, field and what was expected. Nothing else stops.'],
  duplicates: ['Duplicates', 'Events whose id had been seen before: dropped and counted, so resending is safe.'],
  anomalies: ['Anomalies', 'Data that does not look right: no price, stale price, missing FX rate, overdraft, oversold position.'],
  epoch: ['Epoch', 'The engine’s time step. Events recorded in one epoch are processed together; results are exact at every completed epoch.'],
  epoch_latency: ['Epoch latency', 'Time from the close of an epoch until its results are complete, in milliseconds.'],
  tick_to_trigger: ['Tick → trigger', 'Time from receiving the price that caused it to the trigger opening, in milliseconds.'],
  trigger_to_order: ['Trigger → order', 'Time from the trigger opening to the order leaving the desk, in milliseconds: optimization and pre-trade checks.'],
  percentile: ['p50, p99, p99.9', 'Percentiles: half, 99% and 99.9% of cases took no longer than this.'],
  log: ['Log', 'The durable, append-only event log. An event is accepted once it is on disk. If it fails, nothing new is recorded.'],
  monitor: ['Monitor', 'Watches every portfolio at every tick. Zones: only customers whose safe zone was left are looked at (woken). Sweep: prices move so far that looking at everybody costs less. Woken: customers looked at one by one in an epoch, median and 99th percentile of the last minute.'],
  dataflow: ['Dataflow', 'Incremental computation of positions, valuations, drift and triggers. Lag: how far the last completed epoch is behind now.'],
  actors: ['Actors', 'One decision process per customer with something to do. Live: awake now. Queued: waiting for a turn.'],
  clickhouse: ['ClickHouse', 'The database of record for compliance. If it is away, processing goes on and the rows catch up from the log.'],
  clickhouse_lag: ['ClickHouse lag', 'Completed epochs not yet stored in ClickHouse.'],
  session: ['Market session', 'Trading session of the market: open, closed or halted. Orders are sent only while it is open.'],
} as const satisfies Record<string, readonly [string, string]>

export type Term = keyof typeof TERMS

/** Whether there is an explanation under that key. */
export function isTerm(key: string): key is Term {
  return Object.hasOwn(TERMS, key)
}
