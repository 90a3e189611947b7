//! What is said of customers and their books.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CashKind, CostBasis, Event, EventType, Side, TaxEntity};
use crate::{Currency, Instant, Money, Name, Price, Quantity, Ratio, TradeDate};

/// What is known of a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Date of birth.
    pub birth_date: TradeDate,
    /// Yearly income.
    pub income: Money,
    /// Net worth.
    pub net_worth: Money,
    /// Money to invest.
    pub investment_capital: Money,
    /// Experience, as the questionnaire words it.
    pub experience: String,
    /// Marginal tax rate.
    pub marginal_tax_rate: Ratio,
    /// Resident for tax.
    pub resident: bool,
}

body! {
    /// A customer may hold things from now on.
    CustomerOnboarded {
        /// Customer.
        customer: Name,
        /// The currency that the portfolio is valued in.
        base_currency: Currency,
        /// What is known of the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")] profile: Option<Profile>,
    }
}

body! {
    /// The risk questionnaire's answers.
    QuestionnaireCompleted {
        /// Customer.
        customer: Name,
        /// q1 to q10: the option's text key.
        #[serde(deserialize_with = "crate::events::parse::unique")] answers: BTreeMap<Name, String>,
    }
}

/// One goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// Its id.
    pub goal: Name,
    /// Name for people.
    pub name: String,
    /// Money wanted.
    pub target_amount: Money,
    /// By when.
    pub target_date: TradeDate,
    /// Priority.
    pub priority: String,
    /// Flexibility.
    pub flexibility: String,
}

body! {
    /// The customer's goals.
    GoalsDefined {
        /// Customer.
        customer: Name,
        /// All goals.
        goals: Vec<Goal>,
    }
}

body! {
    /// Target weights and bands; replaces the earlier ones whole. What the weights leave is cash.
    TargetsSet {
        /// Customer.
        customer: Name,
        /// Weight by instrument, sum at most 1.
        #[serde(deserialize_with = "crate::events::parse::unique")] weights: BTreeMap<Name, Ratio>,
        /// Band by instrument; `default` for the rest (0.05 where not given).
        #[serde(default, deserialize_with = "crate::events::parse::unique", skip_serializing_if = "BTreeMap::is_empty")]
        bands: BTreeMap<Name, Ratio>,
        /// Benchmark.
        #[serde(default, skip_serializing_if = "Option::is_none")] benchmark: Option<Name>,
        /// Which lots a sale takes first.
        #[serde(default, skip_serializing_if = "Option::is_none")] cost_basis: Option<CostBasis>,
        /// A cash instrument that takes what the weights leave, in the place of cash.
        #[serde(default, skip_serializing_if = "Option::is_none")] sweep: Option<Name>,
    }
}

body! {
    /// A tactical view: targets are tilted for a while. Replaces the earlier tilts whole; none at all ends them.
    TiltsSet {
        /// Customer.
        customer: Name,
        /// What is added to the target, by instrument; negative takes off.
        #[serde(deserialize_with = "crate::events::parse::unique")] tilts: BTreeMap<Name, Ratio>,
        /// The last day on which they hold; until they are replaced where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] until: Option<TradeDate>,
    }
}

body! {
    /// Money comes in or goes out.
    DepositOrWithdrawal {
        /// Customer.
        customer: Name,
        /// How much, positive.
        amount: Money,
        /// In what.
        currency: Currency,
    }
}

body! {
    /// Interest, a fee, tax or a distribution is posted.
    CashPosted {
        /// Customer.
        customer: Name,
        /// Signed: positive is received.
        amount: Money,
        /// In what.
        currency: Currency,
        /// Why.
        kind: CashKind,
        /// What a distribution is of. Distributions that are announced are paid by the program and not posted.
        #[serde(default, skip_serializing_if = "Option::is_none")] instrument: Option<Name>,
        /// The part of a distribution that is franked; nothing where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] franked_fraction: Option<Ratio>,
        /// The ex date of a distribution, for the holding period rule; the day of `at` where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] ex_date: Option<TradeDate>,
    }
}

body! {
    /// Money of one currency becomes money of another; both legs in one event.
    FxConversion {
        /// Customer.
        customer: Name,
        /// What goes out, positive, fee included.
        sold: Money,
        /// In what.
        sold_currency: Currency,
        /// What comes in, positive.
        bought: Money,
        /// In what, another currency.
        bought_currency: Currency,
        /// When both legs settle; at once where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] settle_date: Option<TradeDate>,
    }
}

body! {
    /// From the date of `at` on, distributions of an instrument that can be taken in units are, or are not. The
    /// latest at the ex date holds.
    ReinvestmentElected {
        /// Customer.
        customer: Name,
        /// Ticker.
        instrument: Name,
        /// In units, or in cash again.
        reinvest: bool,
    }
}

body! {
    /// Who is taxed, and how: for the financial year of `at` and later ones, until it is said anew. Without it, no tax
    /// is worked out for a customer.
    TaxpayerSet {
        /// Customer.
        customer: Name,
        /// Kind of taxpayer.
        entity: TaxEntity,
        /// Resident of Australia for tax.
        resident: bool,
        /// Receives income support: no minimum tax from 2027-28 on (ITAA 1997 s 119-15).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] income_support: bool,
        /// For a foreign resident: what is held is taxable Australian property.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] taxable_australian_property: bool,
        /// Other assessable income less deductions of a usual year, in AUD; for years without a `tax_year_set`.
        #[serde(default, skip_serializing_if = "Option::is_none")] other_income: Option<Money>,
    }
}

body! {
    /// What is known of a taxpayer's year beside what is held here. AUD.
    TaxYearSet {
        /// Customer.
        customer: Name,
        /// Financial year, such as 2026-27.
        year: String,
        /// Other assessable income less deductions; may be negative.
        other_income: Money,
        /// Franking credits received elsewhere: they count towards the small shareholder's limit.
        #[serde(default, skip_serializing_if = "Option::is_none")] other_franking_credits: Option<Money>,
        /// Capital losses of earlier years, in the place of what the year before carries forward.
        #[serde(default, skip_serializing_if = "Option::is_none")] losses_brought_forward: Option<Money>,
    }
}

body! {
    /// Units arrive from elsewhere.
    TransferIn {
        /// Customer.
        customer: Name,
        /// Ticker.
        instrument: Name,
        /// Units.
        quantity: Quantity,
        /// What they cost, in the instrument's currency.
        cost_base: Money,
        /// When they were acquired.
        acquired: TradeDate,
    }
}

/// One lot named at a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LotChoice {
    /// The lot's id.
    pub lot: Name,
    /// Units taken from it.
    pub quantity: Quantity,
}

body! {
    /// An execution for one customer.
    Fill {
        /// Customer.
        customer: Name,
        /// Ticker.
        instrument: Name,
        /// Side.
        side: Side,
        /// Units, positive.
        quantity: Quantity,
        /// Price per unit.
        price: Price,
        /// Fee, on top of a buy, off a sale.
        fee: Money,
        /// In what price and fee are.
        currency: Currency,
        /// Day of trade.
        trade_date: TradeDate,
        /// The order it executes.
        #[serde(default, skip_serializing_if = "Option::is_none")] order: Option<Name>,
        /// Lots sold, for specific identification.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] lots: Vec<LotChoice>,
    }
}

body! {
    /// Somebody asks for a rebalance.
    RebalanceRequested {
        /// Customer.
        customer: Name,
        /// Who asks.
        by: Name,
    }
}

body! {
    /// An earlier event was wrong.
    Correction {
        /// The id of the event that was wrong.
        of: Name,
        /// The whole replacing event, or null for a bust.
        #[serde(deserialize_with = "crate::events::parse::replacement")] with: Option<Event>,
        /// Why.
        reason: String,
    }
}
