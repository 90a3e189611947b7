//! Distributions of a year and the franking credits that may be used, line by line.

use std::collections::BTreeMap;

use evenkeel_schemas::{Money, Quantity, Ratio, TradeDate};
use serde::{Deserialize, Serialize};

use crate::amount::{add, sub};
use crate::error::TaxError;
use crate::franking::{franking_credit, qualified_part};
use crate::holding::{Fragment, Trade, holding_test, match_last_in_first_out};
use crate::law::YearLaw;
use crate::profile::{Entity, Profile};
use crate::sheet::{Sheet, event};
use crate::year::FinancialYear;

/// A distribution received. Amounts in the home currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// The event's id.
    pub event: String,
    /// The instrument.
    pub instrument: String,
    /// First day on which a buyer does not get it.
    pub ex_date: TradeDate,
    /// When it was paid.
    pub pay_date: TradeDate,
    /// Units that it was paid on.
    pub units: Quantity,
    /// Cash received for all units, without the franking credit.
    pub amount: Money,
    /// The part that is franked, 0 to 1.
    pub franked_fraction: Ratio,
    /// Of preference shares, which need 90 days.
    #[serde(default)]
    pub preference: bool,
    /// The year a trust's distribution belongs to, where that is not the year of payment (June distributions
    /// of trusts are paid in July: ITAA 1936 s 97).
    #[serde(default)]
    pub entitled_in: Option<FinancialYear>,
    /// Buys and sells of what it was paid on, on the basis of its ex date, where later splits or mergers put the
    /// customer's trades on another; without any, those of the customer count.
    #[serde(default)]
    pub trades: Vec<Trade>,
}

impl Distribution {
    /// The year that it is assessed in.
    pub fn year(&self) -> FinancialYear {
        self.entitled_in.unwrap_or_else(|| FinancialYear::of(self.pay_date))
    }
}

/// Cash and credits of a year, with the lines they come from.
#[derive(Debug, Default)]
pub(crate) struct Distributions {
    pub(crate) cash: Money,
    pub(crate) cash_lines: Vec<String>,
    pub(crate) allowed: Money,
    pub(crate) allowed_lines: Vec<String>,
    pub(crate) denied: Money,
    pub(crate) denied_lines: Vec<String>,
    pub(crate) notes: Vec<String>,
}

const CREDIT: &str = "amount x franked fraction x company rate / (1 - company rate) (ITAA 1997 s 202-60)";
const SMALL: &str = "small shareholder: an individual's credits of the year are not above the limit, all are \
                     allowed (ITAA 1936 s 160APHT; ITAA 1997 s 207-145)";
const HELD: &str = "credit x units held at risk long enough / units entitled, last in first out (ITAA 1936 \
                    s 160APHI, s 160APHO; ITAA 1997 s 207-145)";

/// Writes the lines of each distribution of a resident: its cash, its credit, and what the holding period
/// rule leaves of that.
pub(crate) fn distributions(
    received: &[&Distribution],
    trades: &[Trade],
    other_credits: Money,
    law: &YearLaw,
    profile: &Profile,
    sheet: &mut Sheet,
) -> Result<Distributions, TaxError> {
    let mut all = Distributions::default();
    let mut credits = Vec::with_capacity(received.len());
    let mut total = other_credits;
    for one in received {
        let credit = franking_credit(one.amount, one.franked_fraction, law.franking.company_rate)?;
        total = add(total, credit)?;
        let cash = sheet.line(
            format!("distribution/{}", one.event),
            format!(
                "distribution of {}, {} units, ex {}, paid {}",
                one.instrument, one.units, one.ex_date, one.pay_date
            ),
            one.amount,
            "assessable when paid, a trust's in the year of entitlement (ITAA 1936 s 44, s 97)",
            vec![event(&one.event)],
        );
        all.cash = add(all.cash, one.amount)?;
        if credit > Money::ZERO {
            let label = format!("franking credit attached, franked {}", one.franked_fraction);
            let line = sheet.line(format!("credit/{}", one.event), label, credit, CREDIT, vec![cash.clone()]);
            credits.push((*one, credit, line));
        }
        all.cash_lines.push(cash);
    }
    let small = profile.entity == Entity::Individual && total <= law.franking.small_shareholder_limit;
    let mut matched: BTreeMap<&str, Vec<Fragment>> = BTreeMap::new();
    for (one, credit, line) in credits {
        if small {
            allow(&mut all, one, credit, SMALL, vec![line], sheet)?;
            continue;
        }
        if !one.trades.is_empty() {
            judge(&mut all, one, credit, line, &match_last_in_first_out(&one.trades)?, law, sheet)?;
            continue;
        }
        if !matched.contains_key(one.instrument.as_str()) {
            let of_it: Vec<Trade> =
                trades.iter().filter(|trade| trade.instrument == one.instrument).cloned().collect();
            matched.insert(&one.instrument, match_last_in_first_out(&of_it)?);
        }
        let fragments = matched.get(one.instrument.as_str()).map_or(&[][..], Vec::as_slice);
        judge(&mut all, one, credit, line, fragments, law, sheet)?;
    }
    Ok(all)
}

/// Puts one credit to the holding period rule.
fn judge(
    all: &mut Distributions,
    one: &Distribution,
    credit: Money,
    line: String,
    fragments: &[Fragment],
    law: &YearLaw,
    sheet: &mut Sheet,
) -> Result<(), TaxError> {
    let franking = &law.franking;
    let required = if one.preference { franking.holding_days_preference } else { franking.holding_days };
    let test = holding_test(fragments, one.ex_date, required)?;
    if test.entitled == Quantity::ZERO {
        let (event, instrument) = (one.event.clone(), one.instrument.clone());
        return Err(TaxError::NotHeld { event, instrument, ex_date: one.ex_date });
    }
    if test.entitled != one.units {
        let (event, units, entitled) = (&one.event, one.units, test.entitled);
        all.notes.push(format!(
            "distribution {event} was paid on {units} units, trades give {entitled}: its credit is split \
             as they say"
        ));
    }
    let allowed = qualified_part(credit, test.qualified.raw(), test.entitled.raw())?;
    let mut from = vec![line];
    from.extend(test.fragments.iter().map(|tested| event(&tested.fragment.parcel)));
    from.dedup();
    allow(all, one, allowed, HELD, from.clone(), sheet)?;
    let denied = sub(credit, allowed)?;
    if denied > Money::ZERO {
        let label = format!("franking credit denied, of {} units", {
            test.entitled.checked_sub(test.qualified).ok_or(TaxError::Range("units"))?
        });
        let line = sheet.line(format!("credit_denied/{}", one.event), label, denied, HELD, from);
        all.denied = add(all.denied, denied)?;
        all.denied_lines.push(line);
    }
    Ok(())
}

fn allow(
    all: &mut Distributions,
    one: &Distribution,
    allowed: Money,
    rule: &str,
    from: Vec<String>,
    sheet: &mut Sheet,
) -> Result<(), TaxError> {
    let id = format!("credit_allowed/{}", one.event);
    let line = sheet.line(id, "franking credit allowed", allowed, rule, from);
    all.allowed = add(all.allowed, allowed)?;
    all.allowed_lines.push(line);
    Ok(())
}
