//! Family `tax-au`: Australian tax. Which rules a case asks for is told by its inputs.

mod amit;
mod franking;
mod gains;
mod income;

use crate::answer::Answer;
use crate::case::{Case, Fault};
use crate::kind::{self, Kind};

const KINDS: [Kind; 7] = [
    Kind {
        mark: "tax_liability_before_offset",
        inputs: &["franked_dividend", "franking_credit", "tax_liability_before_offset", "entity"],
        answer: franking::refund,
    },
    Kind {
        mark: "other_income",
        inputs: &[
            "unfranked_dividend",
            "franked_dividend",
            "franking_credit",
            "other_income",
            "brackets",
            "year",
        ],
        answer: income::dividend_income,
    },
    Kind {
        mark: "disposals",
        inputs: &["acquired", "ex_dividend", "required_days", "disposals"],
        answer: franking::boundary_dates,
    },
    Kind {
        mark: "buys",
        inputs: &[
            "buys",
            "sells",
            "ex_dividend",
            "dividend_per_share",
            "franked_fraction",
            "company_tax_rate",
            "entity",
            "other_franking_credits_of_year",
            "required_days",
        ],
        answer: franking::last_in_first_out,
    },
    Kind {
        mark: "capital_gains",
        inputs: &["capital_gains", "current_year_losses", "prior_year_losses", "discount"],
        answer: gains::loss_order,
    },
    Kind { mark: "pairs", inputs: &["pairs"], answer: gains::clear_year },
    Kind { mark: "adjustments", inputs: &["parcels", "adjustments"], answer: amit::cost_bases },
];

/// What production gives.
pub(crate) fn answer(case: &Case<'_>) -> Result<Answer, Fault> {
    kind::answer(&KINDS, case)
}
