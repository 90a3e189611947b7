//! Inside one epoch only the last price of a feed counts.

use std::collections::BTreeMap;

use evenkeel_operators::facts::{Feed, Input, Observation};

use super::Inputs;

/// Drops, of an epoch's inputs, observations that can never be the current one: those that no correction can
/// name, followed by a later one of the same feed that none can name either.
pub fn conflate(inputs: &mut Inputs) {
    // Instruments have dense numbers; pairs are few.
    let mut instruments: Vec<Option<Observation>> = Vec::new();
    let mut pairs: BTreeMap<Feed, Observation> = BTreeMap::new();
    for (input, diff) in inputs.iter() {
        let Some(observation) = fixed(input, *diff) else { continue };
        let last = match observation.feed {
            Feed::Instrument(instrument) => {
                let at = instrument.0 as usize;
                if at >= instruments.len() {
                    instruments.resize(at + 1, None);
                }
                instruments[at].get_or_insert(observation)
            }
            Feed::Pair(_) => pairs.entry(observation.feed).or_insert(observation),
        };
        if observation.version > last.version {
            *last = observation;
        }
    }
    inputs.retain(|(input, diff)| {
        let Some(observation) = fixed(input, *diff) else { return true };
        let last = match observation.feed {
            Feed::Instrument(instrument) => instruments.get(instrument.0 as usize).copied().flatten(),
            feed @ Feed::Pair(_) => pairs.get(&feed).copied(),
        };
        last.is_none_or(|last| last.version == observation.version)
    });
}

/// An observation that came and that no correction can name.
fn fixed(input: &Input, diff: isize) -> Option<Observation> {
    match input {
        Input::Observation(observation) if diff > 0 && observation.correctable_until == 0 => {
            Some(*observation)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_operators::facts::Version;
    use evenkeel_schemas::{Instant, InstrumentId};

    fn observed(instrument: u32, at: i64, number: u64, correctable_until: u64) -> (Input, isize) {
        let version = Version { at: Instant::from_micros(at), number };
        let feed = Feed::Instrument(InstrumentId(instrument));
        (Input::Observation(Observation { feed, version, value: at, correctable_until }), 1)
    }

    fn numbers(inputs: &Inputs) -> Vec<u64> {
        let number = |(input, _): &(Input, isize)| match input {
            Input::Observation(observation) => observation.version.number,
            Input::Fact(_) => 0,
        };
        inputs.iter().map(number).collect()
    }

    #[test]
    fn the_last_of_each_feed_stays_with_all_that_can_be_corrected() {
        let mut inputs = vec![
            observed(0, 5, 1, 0),
            observed(1, 5, 2, 0),
            observed(0, 9, 3, 0),
            observed(0, 7, 4, 0),
            observed(0, 1, 5, 100),
        ];
        conflate(&mut inputs);
        assert_eq!(numbers(&inputs), [2, 3, 5]);
    }

    #[test]
    fn of_one_time_the_later_record_stays() {
        let mut inputs = vec![observed(0, 5, 1, 0), observed(0, 5, 2, 0)];
        conflate(&mut inputs);
        assert_eq!(numbers(&inputs), [2]);
    }
}
