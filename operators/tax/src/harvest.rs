//! What realising a loss or a gain now does to the year's tax.

use evenkeel_schemas::Money;
use serde::{Deserialize, Serialize};

use crate::amount::{add, not_negative, sub};
use crate::assess::{Assessment, Position, assess};
use crate::error::TaxError;
use crate::law::{GainKind, YearLaw};
use crate::profile::Profile;

/// What realising a loss or a gain now does to the year's tax. AUD.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The year as it stands.
    pub before: Assessment,
    /// The year with the loss or gain.
    pub after: Assessment,
    /// Tax saved this year: positive for less to pay or more refunded.
    pub saved: Money,
    /// What the losses carried to later years grow by; worth something only when there are gains then.
    pub carried: Money,
}

/// The tax saved this year by realising a loss now, given the year's gains so far.
///
/// An estimate: it takes the year's income as given and leaves out costs and the risk that selling and buying
/// back is a wash sale (ITAA 1936 Part IVA, TR 2008/1), which has no fixed count of days.
///
/// # Errors
/// [`TaxError::Negative`] for a negative loss; otherwise as [`assess`].
pub fn saving_of_loss(
    law: &YearLaw,
    profile: &Profile,
    position: &Position,
    loss: Money,
) -> Result<Effect, TaxError> {
    let losses_current = add(position.losses_current, not_negative("a loss to realise", loss)?)?;
    effect(law, profile, position, &Position { losses_current, ..*position })
}

/// The tax that realising a gain now costs this year, as a negative saving.
///
/// # Errors
/// [`TaxError::Negative`] for a negative gain; otherwise as [`assess`].
pub fn saving_of_gain(
    law: &YearLaw,
    profile: &Profile,
    position: &Position,
    kind: GainKind,
    gain: Money,
) -> Result<Effect, TaxError> {
    let mut with = *position;
    *with.gains.of_mut(kind) = add(position.gains.of(kind), not_negative("a gain to realise", gain)?)?;
    effect(law, profile, position, &with)
}

fn effect(
    law: &YearLaw,
    profile: &Profile,
    position: &Position,
    with: &Position,
) -> Result<Effect, TaxError> {
    let (before, after) = (assess(law, profile, position)?, assess(law, profile, with)?);
    Ok(Effect {
        before,
        after,
        saved: sub(before.net_tax()?, after.net_tax()?)?,
        carried: sub(after.capital.carried_forward, before.capital.carried_forward)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gains::Gains;
    use crate::law::Law;
    use crate::profile::Entity;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn a_loss_saves_the_marginal_rate_on_what_it_meets() {
        let law = Law::built_in().unwrap();
        let law = law.of("2024-25".parse().unwrap()).unwrap();
        let person = Profile::resident(Entity::Individual);
        let gains = Gains { ordinary: money("1000"), discount: money("2000"), ..Gains::default() };
        let position = Position { income: money("100000"), gains, ..Position::default() };
        let saved = |loss: &str| {
            let effect = saving_of_loss(law, &person, &position, money(loss)).unwrap();
            (effect.saved.to_string(), effect.carried.to_string())
        };
        let pair = |saved: &str, carried: &str| (saved.to_owned(), carried.to_owned());
        // 30% and the levy of 2%: 1,000 of ordinary gain whole, 2,000 of discount gain half.
        assert_eq!(saved("1000"), pair("320", "0"));
        assert_eq!(saved("2000"), pair("480", "0"));
        assert_eq!(saved("5000"), pair("640", "2000"));
        let gain = saving_of_gain(law, &person, &position, GainKind::Discount, money("1000")).unwrap();
        assert_eq!(gain.saved, money("-160"));
        assert!(saving_of_loss(law, &person, &position, money("-1")).is_err());
    }
}
