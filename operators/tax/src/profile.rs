//! Who is taxed.

use evenkeel_schemas::Ratio;
use evenkeel_schemas::events::TaxEntity;
use serde::{Deserialize, Serialize};

/// What kind of taxpayer a customer is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// A person.
    Individual,
    /// A complying superannuation fund in accumulation, such as a self-managed one.
    #[serde(alias = "smsf")]
    SuperFund,
    /// A company.
    Company,
}

impl From<TaxEntity> for Entity {
    fn from(entity: TaxEntity) -> Entity {
        match entity {
            TaxEntity::Individual => Entity::Individual,
            TaxEntity::SuperFund => Entity::SuperFund,
            TaxEntity::Company => Entity::Company,
        }
    }
}

impl Entity {
    /// Whether credits beyond the tax are paid out: to individuals and complying super funds.
    ///
    /// Source: ITAA 1997 s 67-25 (refundable offsets; not those of companies).
    pub fn refunds_excess_credits(self) -> bool {
        self != Entity::Company
    }
}

/// How parcels were chosen for sales.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostMethod {
    /// First in, first out.
    Fifo,
    /// Last in, first out.
    Lifo,
    /// Highest cost first.
    Hifo,
    /// Average cost, which a resident may not use.
    Average,
    /// Parcels named by the seller.
    Specific,
}

/// Who is taxed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The kind of taxpayer.
    pub entity: Entity,
    /// Resident of Australia for tax, the whole year.
    pub resident: bool,
    /// How parcels were chosen for sales.
    pub cost_method: CostMethod,
    /// Whether a payment named in ITAA 1997 s 119-15 was received in the year: then no minimum tax.
    #[serde(default)]
    pub income_support: bool,
    /// For a foreign resident: whether what is held is taxable Australian property. Portfolio holdings, under
    /// 10% of a company, are not, and their gains are disregarded (ITAA 1997 s 855-10).
    #[serde(default)]
    pub taxable_australian_property: bool,
}

impl Profile {
    /// A resident who sells first in, first out.
    pub fn resident(entity: Entity) -> Profile {
        Profile {
            entity,
            resident: true,
            cost_method: CostMethod::Fifo,
            income_support: false,
            taxable_australian_property: false,
        }
    }

    /// Whether capital gains are taxed at all.
    pub fn gains_are_taxed(&self) -> bool {
        self.resident || self.taxable_australian_property
    }
}

/// A checked share from 0 to 1.
pub(crate) fn share_checked(what: &str, ratio: Ratio) -> Result<Ratio, crate::error::TaxError> {
    if ratio < Ratio::ZERO || ratio.raw() > Ratio::ONE {
        return Err(crate::error::TaxError::Share { what: what.to_owned(), got: ratio.to_string() });
    }
    Ok(ratio)
}
