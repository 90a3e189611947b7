//! Every option, every boundary, every clash.

use std::collections::BTreeMap;

use evenkeel_schemas::{Name, TradeDate};

use super::*;

/// The answers with option `pick(question's index)` of each question, 0 being the most cautious.
fn picked(pick: impl Fn(usize) -> usize) -> BTreeMap<Name, String> {
    QUESTIONS
        .iter()
        .enumerate()
        .map(|(at, question)| (question.id.parse().unwrap(), question.options[pick(at)].key.to_owned()))
        .collect()
}

fn profile(answers: &BTreeMap<Name, String>) -> RiskProfile {
    risk_profile(&Answers::read(answers).unwrap())
}

#[test]
fn every_option_has_the_flows_points() {
    // Read off the flow's step 1, question by question, from the most cautious option to the boldest.
    let table: [(&str, [(&str, u32); 4]); 10] = [
        ("q1", [("over_60", 5), ("45_to_60", 10), ("30_to_45", 15), ("under_30", 20)]),
        ("q2", [("0_to_2_years", 5), ("2_to_5_years", 10), ("5_to_10_years", 15), ("10_years_or_more", 20)]),
        ("q3", [("sell_everything", 0), ("sell_some", 5), ("hold", 15), ("buy_more", 20)]),
        (
            "q4",
            [
                ("capital_preservation", 5),
                ("income_generation", 10),
                ("balanced_growth", 15),
                ("maximum_growth", 20),
            ],
        ),
        ("q5", [("none", 5), ("beginner", 10), ("intermediate", 15), ("advanced", 20)]),
        ("q6", [("5_percent", 5), ("10_percent", 10), ("20_percent", 15), ("30_percent_or_more", 20)]),
        ("q7", [("very_unstable", 5), ("somewhat_stable", 10), ("stable", 15), ("very_stable", 20)]),
        ("q8", [("yes_definitely", 0), ("maybe", 5), ("unlikely", 10), ("no", 15)]),
        ("q9", [("very_uncomfortable", 5), ("uncomfortable", 10), ("neutral", 15), ("comfortable", 20)]),
        (
            "q10",
            [
                ("3_to_5_percent", 5),
                ("5_to_7_percent", 10),
                ("7_to_10_percent", 15),
                ("10_percent_or_more", 20),
            ],
        ),
    ];
    for (at, (question, options)) in table.into_iter().enumerate() {
        for (key, points) in options {
            let mut answers = picked(|_| 0);
            answers.insert(question.parse().unwrap(), key.to_owned());
            let effect = &profile(&answers).answers[at];
            assert_eq!((effect.question.as_str(), effect.points), (question, points), "{question} {key}");
        }
    }
}

#[test]
fn the_least_and_the_most_are_0_and_100() {
    let (least, most) = (profile(&picked(|_| 0)), profile(&picked(|_| 3)));
    assert_eq!((least.points, least.risk_score, least.risk_category), (40, 0, Category::Conservative));
    assert_eq!((most.points, most.risk_score, most.risk_category), (195, 100, Category::Aggressive));
    assert!(least.explanation.contains("Every answer is the most cautious one."));
    assert!(most.explanation.contains("Every answer is the boldest one."));
}

#[test]
fn categories_turn_at_their_boundaries() {
    let cases = [
        (0, Category::Conservative),
        (30, Category::Conservative),
        (31, Category::Moderate),
        (60, Category::Moderate),
        (61, Category::Growth),
        (80, Category::Growth),
        (81, Category::Aggressive),
        (100, Category::Aggressive),
    ];
    for (score, category) in cases {
        assert_eq!(Category::of_score(score), category, "{score}");
        let (low, high) = category.scores();
        assert!((low..=high).contains(&score));
    }
}

#[test]
fn points_next_to_each_boundary_score_as_by_hand() {
    // round((points - 40) / 155 * 100): 45/155 = 29.03, 50/155 = 32.26, 90/155 = 58.06, 95/155 = 61.29,
    // 120/155 = 77.42, 125/155 = 80.65.
    let cases = [
        (85, 29, Category::Conservative),
        (90, 32, Category::Moderate),
        (130, 58, Category::Moderate),
        (135, 61, Category::Growth),
        (160, 77, Category::Growth),
        (165, 81, Category::Aggressive),
    ];
    for (points, score, category) in cases {
        // Options of 5 points more each, raised one by one; q3 jumps by 10 in its middle and stays out.
        let mut steps = (points - 40) / 5;
        let mut options = [0_usize; 10];
        for (at, option) in options.iter_mut().enumerate() {
            let step = if at == 2 { 0 } else { steps.min(3) };
            *option = step;
            steps -= step;
        }
        assert_eq!(steps, 0);
        let profile = profile(&picked(|at| options[at]));
        let points = u32::try_from(points).unwrap();
        assert_eq!((profile.points, profile.risk_score, profile.risk_category), (points, score, category));
    }
}

#[test]
fn bad_answers_are_named_with_what_is_allowed() {
    let mut answers = picked(|_| 1);
    answers.remove("q3");
    answers.insert("q7".parse().unwrap(), "rock solid".to_owned());
    answers.insert("q11".parse().unwrap(), "yes".to_owned());
    let texts: Vec<String> = Answers::read(&answers).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "answers.q3: missing (If your portfolio dropped 30% in a year, what would you do?); expected one \
             of sell_everything, sell_some, hold, buy_more",
            "answers.q7: expected one of very_unstable, somewhat_stable, stable, very_stable, got \
             \"rock solid\"",
            "answers.q11: no such question; expected q1 to q10",
        ]
    );
    assert_eq!(Answers::read(&BTreeMap::new()).unwrap_err().len(), 10);
}

#[test]
fn the_explanation_names_what_moved_the_score() {
    let mut answers = picked(|_| 2);
    answers.insert("q2".parse().unwrap(), "10_years_or_more".to_owned());
    answers.insert("q8".parse().unwrap(), "yes_definitely".to_owned());
    let profile = profile(&answers);
    assert_eq!(
        profile.explanation,
        "140 points, where 40 is the least and 195 the most possible, are a score of 65 of 100: growth (61 \
         to 80). What raised it most: q2 time horizon, \"10+ years\" (20 of 20) and q3 reaction to a fall of \
         30%, \"Hold\" (15 of 20). What held it back most: q8 access in the next 2 years, \"Yes, \
         definitely\" (0 of 15)."
    );
}

/// The kinds of notes on these answers.
fn notes(changed: &[(&str, &str)], birth: Option<&str>, experience: Option<&str>) -> Vec<NoteKind> {
    let mut answers = picked(|_| 2);
    for (question, key) in changed {
        answers.insert(question.parse().unwrap(), (*key).to_owned());
    }
    let on: TradeDate = "2025-11-15".parse().unwrap();
    let birth_date = birth.map(|birth| birth.parse().unwrap());
    let known = Known { on, birth_date, experience, goals: &[] };
    let notes = consistency(&Answers::read(&answers).unwrap(), &known);
    notes.into_iter().map(|note| note.kind).collect()
}

#[test]
fn an_age_that_is_not_the_answers_is_noted() {
    let cases = [
        ("under_30", "1995-11-16", true),
        ("under_30", "1995-11-15", false),
        ("30_to_45", "1995-11-15", true),
        ("30_to_45", "1995-11-16", false),
        ("30_to_45", "1980-11-15", true),
        ("30_to_45", "1979-11-15", false),
        ("45_to_60", "1980-11-15", true),
        ("45_to_60", "1980-11-16", false),
        ("45_to_60", "1964-11-16", true),
        ("45_to_60", "1964-11-15", false),
        ("over_60", "1964-11-15", true),
        ("over_60", "1964-11-16", false),
    ];
    for (answer, birth, fits) in cases {
        let noted = notes(&[("q1", answer)], Some(birth), None).contains(&NoteKind::Age);
        assert_eq!(noted, !fits, "{answer}, born {birth}");
    }
}

#[test]
fn clashes_between_answers_are_noted() {
    assert_eq!(notes(&[], None, Some("intermediate")), []);
    assert_eq!(notes(&[], None, Some("Advanced")), [NoteKind::Experience]);
    // Words that are no option cannot be compared.
    assert_eq!(notes(&[], None, Some("worked at a bank")), []);
    assert_eq!(notes(&[("q2", "0_to_2_years"), ("q8", "no")], None, None), [NoteKind::HorizonAndAccess]);
    assert_eq!(
        notes(&[("q6", "5_percent")], None, None),
        [NoteKind::LossAndReaction, NoteKind::LossAndReturn]
    );
    assert_eq!(notes(&[("q4", "capital_preservation")], None, None), [NoteKind::GoalAndReturn]);
    assert_eq!(
        notes(&[("q9", "uncomfortable"), ("q3", "buy_more")], None, None),
        [NoteKind::FeelingAndReaction]
    );
}

#[test]
fn goals_that_do_not_fit_the_answers_are_noted() {
    let goal = |date: &str| evenkeel_schemas::events::Goal {
        goal: "car".parse().unwrap(),
        name: "Car".to_owned(),
        target_amount: "50000".parse().unwrap(),
        target_date: date.parse().unwrap(),
        priority: "high".to_owned(),
        flexibility: "rigid".to_owned(),
    };
    let on: TradeDate = "2025-11-15".parse().unwrap();
    let goals = crate::goals::map_goals(on, &[goal("2026-11-15")]).unwrap();
    let known = Known { on, birth_date: None, experience: None, goals: &goals };
    let answers = picked(|at| if at == 7 { 3 } else { 2 });
    let notes = consistency(&Answers::read(&answers).unwrap(), &known);
    let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "the answer is 5_to_10_years, but the goal furthest away, car, is due on 2026-11-15, 365 \
             days from now",
            "the answer is no, but money is due in the next 2 years: car on 2026-11-15",
        ]
    );
}
