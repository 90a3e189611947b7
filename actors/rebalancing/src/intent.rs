//! What the reasons together ask for: one set of targets, bands and greatest weights.
//!
//! In this order: own targets, taxonomies netted, what the reasons change (a stop-loss sells its instrument,
//! a drawdown and a volatile pod scale targets down, a concentration caps a weight), tilts, then losses that
//! are worth realising move targets to their replacements. What reasons take away goes to cash.

use std::collections::BTreeSet;

use evenkeel_schemas::{InstrumentId, Money, Ratio, Value, div_half_even};
use evenkeel_tax::{FinancialYear, saving_of_loss};

use crate::book::{Aims, Book};
use crate::error::PlanError;
use crate::netting;
use crate::policy::{Policy, Strategy, Tilt};
use crate::reason::{Reason, ReasonKind, Subject};
use crate::snapshot::TaxYear;

/// What is aimed at, by row of the book.
pub(crate) struct Intent {
    pub aims: Aims,
    /// Targets that the benefit is measured by: those before losses moved them.
    pub measured: Vec<Ratio>,
    pub weight_max: Vec<Ratio>,
    /// Instruments of which no sale is put off for tax.
    pub bound: BTreeSet<InstrumentId>,
    /// Whether it is traded whatever it costs.
    pub duty: bool,
    /// Rows whose losses are realised, each with the row that takes its place.
    pub switched: Vec<(usize, usize)>,
    pub notes: Vec<String>,
}

/// `ratio · part / whole`, half-even; `whole` is positive.
pub(crate) fn scaled(ratio: Ratio, part: i64, whole: i64) -> Ratio {
    Ratio::from_wide(div_half_even(i128::from(ratio.raw()) * i128::from(part), i128::from(whole)))
        .unwrap_or_default()
}

/// What the reasons ask for.
///
/// # Errors
/// [`PlanError::Infeasible`] for taxonomies that contradict each other, [`PlanError::Tax`].
pub(crate) fn intent(
    book: &Book<'_>,
    tax: Option<TaxYear<'_>>,
    reasons: &[Reason],
    strategy: &Strategy,
    policy: &Policy,
) -> Result<Intent, PlanError> {
    let (targets, netted) = netting::netted(book, netting::own_targets(book), policy)?;
    let bands = book.rows.iter().map(|row| row.position.band).collect();
    let mut intent = Intent {
        measured: Vec::new(),
        aims: Aims { targets, bands },
        weight_max: book.rows.iter().map(|row| row.position.weight_max).collect(),
        bound: BTreeSet::new(),
        duty: reasons.iter().any(|reason| reason.kind.is_duty()) || book.cash < policy.cash_min,
        switched: Vec::new(),
        notes: Vec::new(),
    };
    if netted {
        let note = "taxonomies asked for different targets; the nearest that satisfy all of them are taken";
        intent.notes.push(note.to_owned());
    }
    for reason in reasons {
        intent.apply(book, reason, policy);
    }
    if let Strategy::Tactical { tilts, .. } = strategy {
        intent.tilt(book, tilts, policy);
    }
    intent.measured = intent.aims.targets.clone();
    let harvest: Vec<&Reason> =
        reasons.iter().filter(|reason| reason.kind == ReasonKind::TaxOpportunity).collect();
    match tax {
        Some(tax) if !harvest.is_empty() => intent.realise_losses(book, tax, &harvest, policy)?,
        None if !harvest.is_empty() => {
            intent.notes.push("no loss is realised for itself: the taxpayer's year is not known".to_owned());
        }
        _ => {}
    }
    Ok(intent)
}

impl Intent {
    fn apply(&mut self, book: &Book<'_>, reason: &Reason, policy: &Policy) {
        let place = match &reason.subject {
            Subject::Instrument(instrument) => book.at(*instrument),
            _ => None,
        };
        match (reason.kind, place) {
            (ReasonKind::StopLoss, Some(place)) => {
                (self.aims.targets[place], self.aims.bands[place]) = (Ratio::ZERO, Ratio::ZERO);
                self.bound.insert(book.rows[place].position.instrument);
            }
            (ReasonKind::Concentration, Some(place)) => {
                let most = reason.limit.unwrap_or(self.weight_max[place]).min(self.weight_max[place]);
                self.weight_max[place] = most.max(book.rows[place].position.weight_min);
                self.aims.targets[place] = self.aims.targets[place].min(most);
                self.bound.insert(book.rows[place].position.instrument);
            }
            (ReasonKind::Drawdown, _) => {
                let kept = Ratio::ONE - policy.defensive_cash.raw();
                self.scale(0..book.rows.len(), kept, Ratio::ONE);
                self.bind_all(book);
            }
            (ReasonKind::ValueAtRisk, _) => {
                // Cash has none: all targets by limit over measure.
                if let (Some(measure), Some(limit)) = (reason.measure, reason.limit)
                    && measure > limit
                {
                    self.scale(0..book.rows.len(), limit.raw(), measure.raw());
                    self.bind_all(book);
                }
            }
            (ReasonKind::PodVolatility, _) => self.calm(book, reason),
            (ReasonKind::RiskProfileChange, _) => self.bind_all(book),
            _ => {}
        }
    }

    /// Scales the targets of a pod by limit over volatility, as cash has none.
    fn calm(&mut self, book: &Book<'_>, reason: &Reason) {
        let Subject::Group(taxonomy, name) = &reason.subject else { return };
        let (Some(measure), Some(limit)) = (reason.measure, reason.limit) else { return };
        if measure <= limit {
            return;
        }
        let groups = book.portfolio.taxonomies.iter().filter(|known| known.name == *taxonomy);
        let members: BTreeSet<usize> = groups
            .flat_map(|taxonomy| &taxonomy.groups)
            .filter(|group| group.name == *name)
            .flat_map(|group| group.members.iter().filter_map(|member| book.at(*member)))
            .collect();
        self.bound.extend(members.iter().map(|place| book.rows[*place].position.instrument));
        self.scale(members.into_iter(), limit.raw(), measure.raw());
    }

    fn scale(&mut self, places: impl Iterator<Item = usize>, part: i64, whole: i64) {
        for place in places {
            self.aims.targets[place] = scaled(self.aims.targets[place], part, whole);
        }
    }

    fn bind_all(&mut self, book: &Book<'_>) {
        self.bound.extend(book.rows.iter().map(|row| row.position.instrument));
    }

    /// Tilts within their limits: each cut to the greatest, then those of a sign scaled to their greatest
    /// sum, then what would invest more than all taken off the additions.
    fn tilt(&mut self, book: &Book<'_>, tilts: &[Tilt], policy: &Policy) {
        let most = policy.tilt_max.raw();
        let mut by = vec![0_i64; book.rows.len()];
        for tilt in tilts {
            let Some(place) = book.at(tilt.instrument) else { continue };
            by[place] = tilt.by.raw().clamp(-most, most);
            if by[place] != tilt.by.raw() {
                let (name, by) = (book.name(tilt.instrument), Ratio::from_raw(by[place]));
                self.notes.push(format!("the tilt of {name} is cut from {} to {by}", tilt.by));
            }
        }
        for sign in [1, -1] {
            let sum: i64 = by.iter().filter(|by| by.signum() == sign).map(|by| by.abs()).sum();
            let total = policy.tilt_total_max.raw();
            if sum > total {
                let cut = |by: &mut i64| *by = (i128::from(*by) * i128::from(total) / i128::from(sum)) as i64;
                by.iter_mut().filter(|by| by.signum() == sign).for_each(cut);
                self.notes.push(format!("tilts are scaled to a sum of {}", policy.tilt_total_max));
            }
        }
        let before = self.aims.targets.clone();
        for (place, by) in by.iter().enumerate() {
            let position = book.rows[place].position;
            let (least, most) = (position.weight_min.raw(), self.weight_max[place].raw());
            let tilted = (before[place].raw() + by).clamp(least.min(most), most);
            self.aims.targets[place] = Ratio::from_raw(if *by == 0 { before[place].raw() } else { tilted });
        }
        let over = self.aims.targets.iter().map(|target| target.raw()).sum::<i64>() - Ratio::ONE;
        let added = |target: &Ratio, before: &Ratio| (target.raw() - before.raw()).max(0);
        let all: i64 = self.aims.targets.iter().zip(&before).map(|(t, b)| added(t, b)).sum();
        if over > 0 && all > 0 {
            for (target, before) in self.aims.targets.iter_mut().zip(&before) {
                let off = i128::from(added(target, before)) * i128::from(over);
                // Rounded up, so that the sum is never above one.
                let off = (off + i128::from(all) - 1) / i128::from(all);
                *target = Ratio::from_raw(target.raw() - off as i64);
            }
            self.notes.push("tilts that add are cut to what is there".to_owned());
        }
    }

    /// Moves targets from instruments with losses to their replacements, if the year's tax falls by enough.
    fn realise_losses(
        &mut self,
        book: &Book<'_>,
        tax: TaxYear<'_>,
        reasons: &[&Reason],
        policy: &Policy,
    ) -> Result<(), PlanError> {
        let asked = |instrument: InstrumentId| {
            reasons.iter().any(|reason| match &reason.subject {
                Subject::Instrument(subject) => *subject == instrument,
                _ => true,
            })
        };
        let (mut moves, mut losses) = (Vec::new(), 0_i128);
        for (place, row) in book.rows.iter().enumerate() {
            let position = row.position;
            if !asked(position.instrument) || !position.tradable {
                continue;
            }
            let (units, loss) = losing(row);
            if units == 0 {
                continue;
            }
            let other = position.replacement.and_then(|other| book.at(other));
            let Some(other) = other.filter(|other| book.rows[*other].position.tradable) else {
                let name = &position.name;
                self.notes
                    .push(format!("{name} has losses and no replacement: it is not sold for them alone"));
                continue;
            };
            losses += loss;
            moves.push((place, other, units));
        }
        let Some(loss) = Money::from_wide(losses).filter(|loss| *loss > Money::ZERO) else { return Ok(()) };
        let law = tax.law.of(FinancialYear::of(book.portfolio.date))?;
        let effect = saving_of_loss(law, tax.profile, tax.position, loss)?;
        let carried = effect.carried.to_f64() * policy.carried_loss_value.to_f64();
        let worth = effect.saved.to_f64() + carried;
        if worth < policy.harvest_min.to_f64() {
            let least = policy.harvest_min;
            self.notes.push(format!("losses of {loss} would save {worth:.2} of tax, less than {least}"));
            return Ok(());
        }
        let saved = effect.saved;
        self.notes.push(format!("losses of {loss} are realised: {saved} less tax this year"));
        for (place, other, units) in moves {
            let row = &book.rows[place];
            let part = i128::from(units) * i128::from(row.price.raw()) * i128::from(row.rate.raw());
            let share = Value::from_raw(part).share_of(book.nav).unwrap_or_default();
            let room = self.weight_max[other].raw() - self.aims.targets[other].raw();
            let moved = share.raw().min(self.aims.targets[place].raw()).min(room.max(0));
            self.aims.targets[place] = Ratio::from_raw(self.aims.targets[place].raw() - moved);
            self.aims.targets[other] = Ratio::from_raw(self.aims.targets[other].raw() + moved);
            (self.aims.bands[place], self.aims.bands[other]) = (Ratio::ZERO, Ratio::ZERO);
            self.switched.push((place, other));
            let (name, to) = (&row.position.name, &book.rows[other].position.name);
            self.notes.push(format!(
                "{to} takes the place of {name}; buying {name} back soon, or having bought it just before, may be \
                 a wash sale (TR 2008/1)"
            ));
        }
        Ok(())
    }
}

/// Units in parcels that are worth less than they cost, and the loss, raw; only in the home currency.
fn losing(row: &crate::book::Row<'_>) -> (i64, i128) {
    if row.rate != evenkeel_schemas::Rate::PAR {
        return (0, 0);
    }
    let mut found = (0_i64, 0_i128);
    for parcel in &row.position.parcels {
        let worth = parcel.quantity.notional(row.price).map_or(i128::MAX, |worth| i128::from(worth.raw()));
        let loss = i128::from(parcel.cost_base.raw()) - worth;
        if loss > 0 {
            found = (found.0.saturating_add(parcel.quantity.raw()), found.1 + loss);
        }
    }
    found
}
