//! The portfolio in numbers: values, the total after all flows, weights, and what is outside its band.

use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Rate, Ratio, Value};

use crate::error::Problem;
use crate::plan::{GroupStanding, Side, Standing, State};
use crate::reason::Reason;
use crate::snapshot::{Portfolio, Position, Snapshot};

/// Raw units of value in one raw unit of money.
const VALUE_PER_MONEY: i128 = 10_i128.pow(15);

/// What a plan computes with. Positions are by instrument; what is neither held nor priced is left out.
pub(crate) struct Book<'a> {
    pub portfolio: &'a Portfolio,
    pub rows: Vec<Row<'a>>,
    /// Market values and all cash after the flows: what targets are shares of.
    pub nav: Value,
    /// Cash that can be spent, less withdrawals not yet booked; negative when those are more.
    pub cash: Money,
    /// Other currencies, and deposits not yet booked: counted, not spent.
    pub aside: Value,
}

/// A position with its mark.
#[derive(Copy, Clone)]
pub(crate) struct Row<'a> {
    pub position: &'a Position,
    pub price: Price,
    pub rate: Rate,
    pub value: Value,
}

/// Targets as the plan takes them, by row.
#[derive(Clone, Debug)]
pub(crate) struct Aims {
    pub targets: Vec<Ratio>,
    pub bands: Vec<Ratio>,
}

impl<'a> Book<'a> {
    /// The book of a checked snapshot.
    ///
    /// # Errors
    /// [`Problem::NoValue`], [`Problem::TooLarge`].
    pub fn new(snapshot: &Snapshot<'a>, reasons: &[Reason]) -> Result<Book<'a>, Problem> {
        let portfolio = snapshot.portfolio;
        let large = |what: &str| Problem::TooLarge(what.to_owned());
        let (mut cash, mut aside) = (portfolio.cash, portfolio.foreign_cash);
        for flow in reasons.iter().filter_map(|reason| reason.flow).filter(|flow| !flow.booked) {
            if flow.amount < Money::ZERO {
                cash = cash.checked_add(flow.amount).ok_or_else(|| large("a withdrawal"))?;
            } else {
                let deposit = Value::of_cash(flow.amount, Rate::PAR);
                aside = deposit.and_then(|d| aside.checked_add(d)).ok_or_else(|| large("a deposit"))?;
            }
        }
        let mut rows = Vec::with_capacity(portfolio.positions.len());
        let spendable = Value::of_cash(cash, Rate::PAR).ok_or_else(|| large("cash"))?;
        let mut nav = spendable.checked_add(aside).ok_or_else(|| large("cash"))?;
        for position in &portfolio.positions {
            let Some((price, rate)) = position.mark() else { continue };
            let value = position.value().ok_or_else(|| large(position.name.as_str()))?;
            nav = nav.checked_add(value).ok_or_else(|| large(position.name.as_str()))?;
            rows.push(Row { position, price, rate, value });
        }
        rows.sort_by_key(|row| row.position.instrument);
        if nav <= Value::ZERO {
            return Err(Problem::NoValue(nav.to_money().ok_or_else(|| large("the total"))?));
        }
        nav.to_money().ok_or_else(|| large("the total"))?;
        Ok(Book { portfolio, rows, nav, cash, aside })
    }

    /// The place of an instrument.
    pub fn at(&self, instrument: InstrumentId) -> Option<usize> {
        self.rows.binary_search_by_key(&instrument, |row| row.position.instrument).ok()
    }

    /// An instrument's name.
    pub fn name(&self, instrument: InstrumentId) -> String {
        self.portfolio.name_of(instrument)
    }

    /// Current weights, nine decimals.
    pub fn weights(&self) -> Vec<Ratio> {
        self.rows.iter().map(|row| row.value.share_of(self.nav).unwrap_or_default()).collect()
    }

    /// The total for statistics.
    pub fn nav_f64(&self) -> f64 {
        self.nav.raw() as f64 / 1e21
    }

    /// Units held now, by row.
    pub fn held(&self) -> Vec<Quantity> {
        self.rows.iter().map(|row| row.position.held).collect()
    }

    /// Where the portfolio stands with these units, cash and aims; `None` when an amount is out of range.
    pub fn state(&self, units: &[Quantity], cash: Money, aims: &Aims) -> Option<State> {
        let spendable = Value::from_raw(i128::from(cash.raw()) * VALUE_PER_MONEY);
        let all_cash = spendable.checked_add(self.aside)?;
        let mut nav = all_cash;
        let mut values = Vec::with_capacity(self.rows.len());
        for (row, units) in self.rows.iter().zip(units) {
            let value = Value::of_position(*units, row.price, row.rate)?;
            nav = nav.checked_add(value)?;
            values.push(value);
        }
        let mut standings = Vec::with_capacity(values.len());
        let (mut targets, mut apart) = (0_i128, 0_u128);
        for (place, value) in values.iter().enumerate() {
            let (target, band) = (aims.targets[place], aims.bands[place]);
            let weight = value.share_of(nav)?;
            let drift = weight.checked_sub(target)?;
            targets += i128::from(target.raw());
            apart += u128::from(drift.raw().unsigned_abs());
            let instrument = self.rows[place].position.instrument;
            let outside = outside(*value, nav, target, band);
            standings.push(Standing { instrument, quantity: units[place], weight, target, drift, outside });
        }
        let cash_weight = all_cash.share_of(nav)?;
        let cash_target = Ratio::from_wide(i128::from(Ratio::ONE) - targets)?;
        apart += u128::from(cash_weight.checked_sub(cash_target)?.raw().unsigned_abs());
        Some(State {
            nav: nav.to_money()?,
            cash,
            cash_weight,
            cash_target,
            standings,
            groups: self.groups(&values, nav)?,
            drift: Ratio::from_wide(i128::try_from(apart / 2).ok()?)?,
        })
    }

    fn groups(&self, values: &[Value], nav: Value) -> Option<Vec<GroupStanding>> {
        let mut found = Vec::new();
        for taxonomy in &self.portfolio.taxonomies {
            for group in &taxonomy.groups {
                let mut members = group.members.clone();
                members.sort_unstable();
                members.dedup();
                let mut value = Value::ZERO;
                for place in members.iter().filter_map(|member| self.at(*member)) {
                    value = value.checked_add(values[place])?;
                }
                found.push(GroupStanding {
                    taxonomy: taxonomy.name.clone(),
                    group: group.name.clone(),
                    weight: value.share_of(nav)?,
                    target: group.target,
                    outside: outside(value, nav, group.target, group.band),
                });
            }
        }
        Some(found)
    }
}

/// The side on which a value is outside its band, exactly.
fn outside(value: Value, nav: Value, target: Ratio, band: Ratio) -> Option<Side> {
    match value.against_band(nav, target, band) {
        std::cmp::Ordering::Greater => Some(Side::Over),
        std::cmp::Ordering::Less => Some(Side::Under),
        std::cmp::Ordering::Equal => None,
    }
}

/// A number of the base currency as money; what is no number or too large becomes the largest.
pub(crate) fn to_money(number: f64) -> Money {
    if number.is_nan() {
        return Money::ZERO;
    }
    Money::from_wide((number * 1e6).round() as i128).unwrap_or(Money::MAX)
}
