//! The cost basis of a holding: its lots, what a sale at the current price would gain, and which lots are at
//! a loss.

use actix_web::web::{self, Json};
use evenkeel_schemas::{Money, Ratio, div_half_even};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use super::lots::{Measured, Term, Totals, measured, sum};
use super::{Answer, Context, Problem, Subject, lots_kept, of_subject, text};
use crate::http::read::{Query, query, value};

/// Whose lots.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    client_id: String,
}

/// Whose lots, and what a loss saves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AtRate {
    client_id: String,
    rate: Option<String>,
}

/// Reads of one customer's lots of an instrument.
fn of_lots(
    context: &Context,
    client_id: &str,
    ticker: &str,
    read: impl FnOnce(&Subject<'_>, &[Measured<'_>]) -> Json_,
) -> Answer {
    lots_kept(context)?;
    of_subject(context, client_id, ticker, |subject| {
        let lots = measured(subject);
        let mut answer = json!({
            "client_id": subject.client.name(),
            "ticker": subject.ticker(),
            "epoch": subject.client.view.epoch(),
            "currency": subject.terms.currency.to_string(),
            "base_currency": text(subject.client.customer.base()),
            "price": text(subject.client.view.price(subject.instrument)),
        });
        if let (Json_::Object(answer), Json_::Object(more)) = (&mut answer, read(subject, &lots)) {
            answer.extend(more);
        }
        Ok(Json(answer))
    })
}

/// `GET /cost-basis/{ticker}/summary?client_id=`.
pub(super) async fn summary(
    context: web::Data<Context>,
    path: web::Path<String>,
    whose: Query<Whose>,
) -> Answer {
    let Whose { client_id } = query(whose)?;
    of_lots(&context, &client_id, &path, |subject, lots| {
        let totals = Totals::of(lots);
        let method = subject.client.customer.method_on(subject.client.today());
        json!({
            "method": method.as_str(),
            "lots": lots.iter().map(Measured::json).collect::<Vec<_>>(),
            "totals": {
                "lots": lots.len(),
                "quantity": text(totals.quantity),
                "cost_base": text(totals.cost_base),
                "average_cost": text(totals.average_cost()),
                "value": text(totals.value),
                "unrealised_gain": text(totals.gain),
            },
        })
    })
}

/// `GET /cost-basis/{ticker}/unrealized-gl?client_id=`.
pub(super) async fn unrealised(
    context: web::Data<Context>,
    path: web::Path<String>,
    whose: Query<Whose>,
) -> Answer {
    let Whose { client_id } = query(whose)?;
    of_lots(&context, &client_id, &path, |subject, lots| {
        let total = |fits: &dyn Fn(&Measured<'_>) -> bool| {
            sum(lots.iter().filter(|lot| lot.gain.is_none() || fits(lot)).map(|lot| lot.gain))
        };
        let net = total(&|_| true);
        let base = net.and_then(|net| subject.client.in_base(net, subject.terms.currency));
        json!({
            "lots": lots.iter().map(Measured::json).collect::<Vec<_>>(),
            "gains": text(total(&|lot| lot.gain > Some(Money::ZERO))),
            "losses": text(total(&|lot| lot.gain < Some(Money::ZERO))),
            "short_term": text(total(&|lot| lot.term == Term::Short)),
            "long_term": text(total(&|lot| lot.term == Term::Long)),
            "net": text(net),
            "net_in_base_currency": text(base),
        })
    })
}

/// A loss × the marginal rate, rounded half-even to 10⁻⁶: what it saves if gains of the year take all of it
/// and are not discounted.
fn saving(loss: Money, rate: Ratio) -> Option<Money> {
    let scaled = i128::from(loss.raw()) * i128::from(rate.raw());
    Money::from_wide(div_half_even(scaled, i128::from(Ratio::ONE)))
}

/// `GET /cost-basis/{ticker}/tax-loss-harvest?client_id=&rate=`.
pub(super) async fn harvest(
    context: web::Data<Context>,
    path: web::Path<String>,
    at: Query<AtRate>,
) -> Answer {
    let AtRate { client_id, rate } = query(at)?;
    let rate: Option<Ratio> = rate.as_deref().map(|rate| value("rate", rate)).transpose()?;
    if let Some(rate) = rate.filter(|rate| !(0..=Ratio::ONE).contains(&rate.raw())) {
        let reason = format!("expected a share between 0 and 1, got {rate}");
        return Err(Problem::bad_request("").at("rate", reason));
    }
    of_lots(&context, &client_id, &path, |subject, lots| {
        let loss_of = |lot: &Measured<'_>| lot.gain?.checked_neg().filter(|loss| *loss > Money::ZERO);
        let saved = |loss: Money| rate.and_then(|rate| saving(loss, rate));
        let below = |lot: &Measured<'_>| {
            let loss = loss_of(lot)?;
            let mut line = lot.json();
            if let Json_::Object(fields) = &mut line {
                fields.insert("loss".to_owned(), loss.to_string().into());
                fields.insert("saving".to_owned(), json!(text(saved(loss))));
            }
            Some(line)
        };
        let loss = sum(lots.iter().filter_map(loss_of).map(Some));
        let base =
            |amount: Option<Money>| amount.and_then(|a| subject.client.in_base(a, subject.terms.currency));
        let saving = loss.and_then(saved);
        json!({
            "lots": lots.iter().filter_map(below).collect::<Vec<_>>(),
            "loss": text(loss),
            "loss_in_base_currency": text(base(loss)),
            "rate": text(rate),
            "saving": text(saving),
            "saving_in_base_currency": text(base(saving)),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_saves_its_part() {
        let saved = |loss: &str, rate: &str| saving(loss.parse().unwrap(), rate.parse().unwrap());
        assert_eq!(saved("1000", "0.37").unwrap().to_string(), "370");
        assert_eq!(saved("0.000001", "0.5").unwrap().to_string(), "0", "half to even");
        assert_eq!(saved("9000000000000", "1").unwrap().to_string(), "9000000000000");
    }
}
