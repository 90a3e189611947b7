//! `evenkeel advise`: from a customer's questionnaire and goals to pod weights.

use std::collections::BTreeMap;
use std::path::PathBuf;

use evenkeel_advice::{Advice, Intake, advise};
use evenkeel_schemas::events::{CustomerOnboarded, Event, Goal, GoalsDefined, QuestionnaireCompleted};
use evenkeel_schemas::{Instant, Money, Name};

use crate::admission::Origin;
use crate::door::{Door, Rejected};
use crate::error::Error;
use crate::replay::{EventFiles, Placed, recorded_epoch};

/// From a customer's questionnaire and goals to a risk score, goals by pod, and pod weights, each with its reasons.
#[derive(clap::Args)]
#[command(after_help = "\
Reads the customer's latest customer_onboarded (with a profile), questionnaire_completed and goals_defined; without
goals the pods have their base weights. The questions, their options and the rules: docs/onboarding.md.

  evenkeel advise --events book.ndjson --customer sarah
  evenkeel advise --events book.ndjson --customer sarah --at 2026-01-05T00:00:00Z --json")]
pub(super) struct Args {
    /// Files of events (NDJSON, also .zst and .gz; - is stdin), read one after the other
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
    /// Whose
    #[arg(long, value_name = "NAME")]
    customer: String,
    /// When it is looked at: ages and days to goals count from that day [default: the latest of the events]
    #[arg(long, value_name = "RFC3339")]
    at: Option<Instant>,
    /// What is divided between the pods, in the base currency [default: the profile's investment_capital]
    #[arg(long, value_name = "AMOUNT")]
    capital: Option<Money>,
    /// One JSON object instead of the report
    #[arg(long)]
    json: bool,
}

/// What events say of one customer, the latest of each kind.
#[derive(Default)]
struct Said {
    /// By effective time and order of record.
    events: BTreeMap<(Instant, u64), Event>,
    /// Where each id stands.
    ids: BTreeMap<Name, (Instant, u64)>,
}

impl Said {
    fn take(&mut self, event: Event, order: u64, customer: &str) {
        let whose = match &event {
            Event::CustomerOnboarded(e) => &e.customer,
            Event::QuestionnaireCompleted(e) => &e.customer,
            Event::GoalsDefined(e) => &e.customer,
            Event::Correction(e) => {
                if let Some(place) = self.ids.remove(&e.of) {
                    self.events.remove(&place);
                }
                if let Some(with) = e.with.clone() {
                    self.take(with, order, customer);
                }
                return;
            }
            _ => return,
        };
        if whose.as_str() == customer {
            let place = (event.at(), order);
            self.ids.extend(event.id().map(|id| (id.clone(), place)));
            self.events.insert(place, event);
        }
    }

    fn latest<'s, T>(&'s self, pick: impl Fn(&'s Event) -> Option<&'s T>) -> Option<&'s T> {
        self.events.values().rev().find_map(pick)
    }
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let said = read(args)?;
    let missing =
        |what: &str| Error::Input(format!("--customer {}: expected {what} of this customer", args.customer));
    let onboarded: &CustomerOnboarded = said
        .latest(|event| match event {
            Event::CustomerOnboarded(e) => Some(e.as_ref()),
            _ => None,
        })
        .ok_or_else(|| missing("a customer_onboarded"))?;
    let profile = onboarded.profile.as_ref().ok_or_else(|| missing("a profile in the customer_onboarded"))?;
    let questionnaire: &QuestionnaireCompleted = said
        .latest(|event| match event {
            Event::QuestionnaireCompleted(e) => Some(e.as_ref()),
            _ => None,
        })
        .ok_or_else(|| missing("a questionnaire_completed"))?;
    let defined: Option<&GoalsDefined> = said.latest(|event| match event {
        Event::GoalsDefined(e) => Some(e.as_ref()),
        _ => None,
    });
    let goals: &[Goal] = defined.map_or(&[], |defined| &defined.goals);
    let latest = said.events.keys().next_back().map(|(at, _)| *at);
    let at = args.at.or(latest).unwrap_or(questionnaire.at);
    let capital = args.capital.unwrap_or(profile.investment_capital);
    let intake = Intake { at, profile, answers: &questionnaire.answers, goals, capital };
    let advice = advise(&intake).map_err(|errors| {
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Error::Input(format!("no advice for {}: {}", args.customer, all.join("; ")))
    })?;
    if args.json {
        let text = serde_json::to_string(&advice).map_err(|error| Error::Check(error.to_string()))?;
        return super::out(format_args!("{text}\n"));
    }
    print(&args.customer, at, &advice)
}

/// What stands of the customer's events, judged as the door judges them.
fn read(args: &Args) -> Result<Said, Error> {
    let mut files = EventFiles::open(&args.events)?;
    let mut door = Door::new(1_000_000, false);
    let (mut said, mut refused, mut epoch) = (Said::default(), Vec::new(), 0);
    while let Some(placed) = files.next_event()? {
        match placed {
            Placed::Event(place, event, line) => {
                epoch = recorded_epoch(&event, 1).max(epoch);
                match door.judge(&event, epoch, Origin::Program) {
                    Ok(None) => {}
                    Ok(Some(_)) => said.take(*event, door.counts.accepted, &args.customer),
                    Err(refusal) => refused.push(Rejected::new(&place, refusal, &line)),
                }
            }
            Placed::Refused(line) => refused.push(line),
        }
    }
    for line in &refused {
        eprintln!("refused: {}, line {}, {}: {}", line.file, line.line, line.field, line.reason);
    }
    Ok(said)
}

fn print(customer: &str, at: Instant, advice: &Advice) -> Result<(), Error> {
    let Advice { risk_profile, notes, goal_mappings, pod_allocation } = advice;
    let category = serde_json::to_string(&risk_profile.risk_category).unwrap_or_default();
    super::out(format_args!(
        "{customer} on {}: {}, risk score {} of 100\n{}\n{}\n",
        at.date(),
        category.trim_matches('"'),
        risk_profile.risk_score,
        risk_profile.risk_description,
        risk_profile.explanation
    ))?;
    for note in notes {
        super::out(format_args!("to ask: {}\n", note.text))?;
    }
    if !goal_mappings.is_empty() {
        super::out(format_args!("\n{:<24}{:>16} {:<12}{}\n", "goal", "amount", "by", "pod"))?;
    }
    for goal in goal_mappings {
        let (amount, by) = (goal.target_amount.to_string(), goal.target_date.to_string());
        super::out(format_args!("{:<24}{amount:>16} {by:<12}{}\n", goal.name, goal.pod_name))?;
        super::out(format_args!("    {}\n", goal.explanation))?;
    }
    super::out(format_args!("\n{:<16}{:>12}{:>16}\n", "pod", "weight", "capital"))?;
    for pod in &pod_allocation.pods {
        let capital = pod.capital.to_string();
        super::out(format_args!("{:<16}{:>12}{capital:>16}\n", pod.name, pod.weight.to_fixed()))?;
    }
    super::out(format_args!("{}\n", pod_allocation.explanation))
}
