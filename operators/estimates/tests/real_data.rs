//! Estimates from real closes: the sample in the repository, and the full files where they are.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use common::distance;
use evenkeel_estimates::{
    CovarianceSettings, DAYS_PER_YEAR, Estimator, FactorCount, History, LeftOut, Mark, Overlap, ReturnRule,
    Returns, Target, bayes_stein, covariance, daily_returns, ewma_covariance, mean_returns,
    positive_semi_definite, sample_covariance, statistical_factors,
};
use evenkeel_schemas::{InstrumentId, Price, TradeDate};

/// Names by their place, which is the instrument's number; and closes.
struct Market {
    names: Vec<String>,
    marks: Vec<Mark>,
}

impl Market {
    fn id(&self, name: &str) -> InstrumentId {
        InstrumentId(self.names.iter().position(|known| known == name).unwrap() as u32)
    }

    fn returns(&self, rule: &ReturnRule) -> Returns {
        daily_returns(&self.marks, &[], rule).unwrap()
    }
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    let file = File::open(path).unwrap();
    match path.extension().is_some_and(|ending| ending == "gz") {
        true => flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap(),
        false => std::io::BufReader::new(file).read_to_string(&mut text).unwrap(),
    };
    text
}

/// A close of a file, to 10⁻⁶; an empty field is no close.
fn price(text: &str) -> Option<Price> {
    let number: f64 = text.trim().parse().ok()?;
    Some(format!("{number:.6}").parse().unwrap())
}

/// A row a day and instrument: `Tick,Date,Open,High,Low,Close,…`.
fn long(path: &Path) -> Market {
    let text = unpacked(path);
    let mut closes: BTreeMap<String, Vec<(String, Price)>> = BTreeMap::new();
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.unwrap();
        if let Some(price) = price(&row[5]) {
            closes.entry(row[0].to_owned()).or_default().push((row[1].to_owned(), price));
        }
    }
    let names: Vec<String> = closes.keys().cloned().collect();
    let marks = closes.into_values().enumerate().flat_map(|(i, closes)| {
        let instrument = InstrumentId(i as u32);
        closes.into_iter().map(move |(date, price)| Mark { instrument, date: date.parse().unwrap(), price })
    });
    Market { names, marks: marks.collect() }
}

/// A column an instrument, the first one the date.
fn wide(path: &Path) -> Market {
    let text = unpacked(path);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers().unwrap().iter().skip(1).map(str::to_owned).collect();
    let mut marks = Vec::new();
    for row in reader.records() {
        let row = row.unwrap();
        let date = row[0][..10].parse().unwrap();
        for (i, text) in row.iter().skip(1).enumerate() {
            marks.extend(price(text).map(|price| Mark { instrument: InstrumentId(i as u32), date, price }));
        }
    }
    Market { names, marks }
}

fn sample() -> Market {
    long(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/asx_daily_sample.csv.gz"))
}

/// A full file beside the repository, where there is one.
fn full(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(file);
    if !path.is_file() {
        eprintln!("skipped: no {file} beside the repository");
    }
    path.is_file().then_some(path)
}

fn settings(estimator: Estimator, overlap: Overlap) -> CovarianceSettings {
    CovarianceSettings { estimator, overlap, ..CovarianceSettings::default() }
}

fn at(text: &str) -> TradeDate {
    text.parse().unwrap()
}

/// QOZ is a tenth of its price for one day: two returns that are none.
#[test]
fn a_wrong_close_of_the_sample_is_found() {
    let market = sample();
    let found = market.returns(&ReturnRule::default());
    let suspects: Vec<_> = found
        .left_out()
        .iter()
        .filter_map(|left| match left {
            LeftOut::Suspect { instrument, date, .. } => Some((*instrument, *date)),
            _ => None,
        })
        .collect();
    let qoz = market.id("QOZ");
    assert_eq!(suspects, [(qoz, at("2017-08-29")), (qoz, at("2017-08-30"))]);
    // Without the rule they would be most of its variance.
    let credulous = market.returns(&ReturnRule { ratio_max: None, ..ReturnRule::default() });
    let volatility = |table: &Returns| {
        let found = covariance(table, &settings(Estimator::Sample, Overlap::Common)).unwrap();
        let place = found.instruments.iter().position(|&instrument| instrument == qoz).unwrap();
        found.volatilities(DAYS_PER_YEAR).unwrap()[place]
    };
    assert!((0.05..0.2).contains(&volatility(&found)), "{}", volatility(&found));
    assert!(volatility(&credulous) > 5.0, "{}", volatility(&credulous));
}

#[test]
fn every_estimator_takes_the_sample() {
    let market = sample();
    let table = market.returns(&ReturnRule::default());
    let whole = table.common(60).unwrap();
    assert_eq!(whole.instruments().len(), market.names.len());
    for overlap in [Overlap::Common, Overlap::Pairwise] {
        for estimator in [
            Estimator::Sample,
            Estimator::Ewma(0.94),
            Estimator::LedoitWolf(Target::ScaledIdentity),
            Estimator::LedoitWolf(Target::ConstantCorrelation),
        ] {
            let found = covariance(&table, &settings(estimator, overlap));
            if matches!((overlap, estimator), (Overlap::Pairwise, Estimator::LedoitWolf(_))) {
                assert!(found.is_err());
                continue;
            }
            let found = found.unwrap();
            assert!(positive_semi_definite(found.daily.view()).unwrap().1 && found.mended.is_none());
            assert!(found.observations > 500 && found.instruments.len() == 14);
            // GOLD's two price scales apart, what shares and funds have.
            let volatilities = found.volatilities(DAYS_PER_YEAR).unwrap();
            let gold = market.id("GOLD").0 as usize;
            let others = volatilities.iter().enumerate().filter(|(i, _)| *i != gold);
            assert!(others.clone().all(|(_, sigma)| (0.05..0.5).contains(sigma)), "{volatilities:?}");
            assert!(found.shrinkage.is_none_or(|intensity| intensity > 0.0 && intensity < 0.5));
        }
    }
    let complete = whole.complete().unwrap();
    let (means, sample) = (mean_returns(complete).unwrap(), sample_covariance(complete).unwrap());
    let found = bayes_stein(&means, sample.view(), whole.dates().len()).unwrap();
    assert!(found.shrunk.intensity > 0.0 && found.shrunk.intensity < 1.0);
    let spread = |means: &ndarray::Array1<f64>| {
        means.iter().fold(f64::MIN, |most, &x| most.max(x))
            - means.iter().fold(f64::MAX, |least, &x| least.min(x))
    };
    assert!(spread(&found.shrunk.means) < spread(&means));
}

/// The wrong close is corrected: the history takes two rows over and is that of the corrected closes.
#[test]
fn a_correction_restates_two_days() {
    let mut market = sample();
    let rule = ReturnRule::default();
    let before = market.returns(&rule);
    let mut history = History::of(&before, 0.94).unwrap();
    let qoz = market.id("QOZ");
    let wrong = market.marks.iter_mut().find(|mark| mark.instrument == qoz && mark.date == at("2017-08-29"));
    let wrong = wrong.unwrap();
    wrong.price = Price::from_raw(wrong.price.raw() * 10);
    let after = market.returns(&rule);
    assert_eq!(before.dates(), after.dates());
    assert_eq!(history.restate(&after), Ok(vec![at("2017-08-29"), at("2017-08-30")]));
    assert_eq!(history, History::of(&after, 0.94).unwrap());
    assert_eq!(history.restate(&after), Ok(Vec::new()));
    // The calendar may lose days as well.
    assert_eq!(history.restate(&after.last(700)).unwrap(), after.dates()[..after.dates().len() - 700]);
    assert_eq!(history, History::of(&after.last(700), 0.94).unwrap());
    // Made anew from its own complete rows it is the batch estimate.
    let whole = after.common(60).unwrap();
    let (kept, complete) = (History::of(&whole, 0.94).unwrap(), whole.complete().unwrap());
    let (sample, ewma) = (sample_covariance(complete).unwrap(), ewma_covariance(complete, 0.94).unwrap());
    assert!(distance(&kept.sample().unwrap(), &sample, &sample) < 1e-12);
    assert!(distance(&kept.ewma().unwrap(), &ewma, &ewma) < 1e-12);
    let target = Target::ConstantCorrelation;
    assert_eq!(kept.ledoit_wolf(target), evenkeel_estimates::ledoit_wolf(complete, target));
}

#[test]
fn years_of_the_us_and_london() {
    let files =
        ["pypfopt_stock_prices.csv", "skfolio_sp500_dataset.csv.gz", "skfolio_ftse100_dataset.csv.gz"];
    for path in files.into_iter().filter_map(|file| full(&format!("daily_us/{file}"))) {
        let market = wide(&path);
        let table = market.returns(&ReturnRule::default());
        let by_pair = covariance(&table, &settings(Estimator::Sample, Overlap::Pairwise)).unwrap();
        assert_eq!(by_pair.instruments.len(), market.names.len());
        assert!(positive_semi_definite(by_pair.daily.view()).unwrap().1);
        let year = table.last(250);
        let sample = covariance(&year, &settings(Estimator::Sample, Overlap::Common)).unwrap();
        let (least, _) = positive_semi_definite(sample.daily.view()).unwrap();
        for target in [Target::ScaledIdentity, Target::ConstantCorrelation] {
            let shrunk =
                covariance(&year, &settings(Estimator::LedoitWolf(target), Overlap::Common)).unwrap();
            assert!((0.01..0.5).contains(&shrunk.shrinkage.unwrap()));
            assert!(positive_semi_definite(shrunk.daily.view()).unwrap().0 > least, "better conditioned");
        }
        let factors =
            statistical_factors(sample.daily.view(), sample.observations, FactorCount::MarchenkoPastur)
                .unwrap();
        let count = factors.model.loadings().ncols();
        assert!((1..8).contains(&count) && factors.explained > 0.3, "{count} {}", factors.explained);
    }
}
