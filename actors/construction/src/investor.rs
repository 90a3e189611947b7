//! Who invests, as far as income is taxed.

use evenkeel_schemas::Ratio;
use evenkeel_schemas::events::Profile;
use serde::{Deserialize, Serialize};

use crate::market::Listing;

/// A person with a rate on the margin. Investors who are equal have the same after-tax problems.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Investor {
    /// Rate at which one more dollar of income is taxed, 0 to 1.
    pub marginal_rate: Ratio,
    /// Resident of Australia for tax.
    pub resident: bool,
}

impl Investor {
    /// From a profile; nothing if its rate is outside 0 to 1.
    pub fn of(profile: &Profile) -> Option<Investor> {
        let rate = profile.marginal_tax_rate;
        let investor = Investor { marginal_rate: rate, resident: profile.resident };
        (0..=Ratio::ONE).contains(&rate.raw()).then_some(investor)
    }

    /// Tax on the income of a unit of money in an instrument, a year, less franking credits; negative for a
    /// refund.
    ///
    /// Of a resident, with yield y, franked share f, company rate c and marginal rate r:
    /// `y (1 + f c / (1 − c)) r − y f c / (1 − c)` (ITAA 1997 Div 67, Div 207). Of a foreign resident
    /// `y (1 − f) r`: franked distributions are free of withholding (ITAA 1936 s 128B(3)(ga)).
    pub fn income_tax(&self, listing: &Listing, company_rate: Ratio) -> f64 {
        let paid = listing.distribution_yield.to_f64();
        paid - self.after_tax_yield(listing, company_rate)
    }

    /// What is left of the income of a unit of money in an instrument, a year; see [`Investor::income_tax`].
    pub fn after_tax_yield(&self, listing: &Listing, company_rate: Ratio) -> f64 {
        let (paid, franked) = (listing.distribution_yield.to_f64(), listing.franked_fraction.to_f64());
        let rate = self.marginal_rate.to_f64();
        if self.resident {
            evenkeel_optimizer::portfolio::after_tax_yield(paid, franked, company_rate.to_f64(), rate)
        } else {
            paid * (1.0 - (1.0 - franked) * rate)
        }
    }
}
