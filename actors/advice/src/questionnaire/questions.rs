//! The ten questions, their options and points.
//!
//! Source: the flow's step 1. Options stand from the most cautious to the boldest, so points rise along them.

/// One of the four answers to a question.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What an event's `answers` carries.
    pub key: &'static str,
    /// What the customer reads.
    pub text: &'static str,
    /// What it adds to the sum.
    pub points: u32,
}

/// A question.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// `q1` to `q10`.
    pub id: &'static str,
    /// What the customer reads.
    pub text: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// Its options, points rising.
    pub options: [Choice; 4],
}

impl Question {
    /// Points of the most cautious option.
    pub fn least(&self) -> u32 {
        self.options[0].points
    }

    /// Points of the boldest option.
    pub fn most(&self) -> u32 {
        self.options[3].points
    }
}

const fn choice(key: &'static str, text: &'static str, points: u32) -> Choice {
    Choice { key, text, points }
}

/// The least and the most points that ten answers can come to.
pub const POINTS_LEAST: u32 = 40;
/// See [`POINTS_LEAST`].
pub const POINTS_MOST: u32 = 195;

/// The questionnaire.
pub const QUESTIONS: [Question; 10] = [
    Question {
        id: "q1",
        text: "What is your age?",
        about: "age",
        // The glide path has its own look at age; here it stands for the years left to make up for losses.
        options: [
            choice("over_60", "Over 60", 5),
            choice("45_to_60", "45-60", 10),
            choice("30_to_45", "30-45", 15),
            choice("under_30", "Under 30", 20),
        ],
    },
    Question {
        id: "q2",
        text: "What is your investment time horizon?",
        about: "time horizon",
        options: [
            choice("0_to_2_years", "0-2 years", 5),
            choice("2_to_5_years", "2-5 years", 10),
            choice("5_to_10_years", "5-10 years", 15),
            choice("10_years_or_more", "10+ years", 20),
        ],
    },
    Question {
        id: "q3",
        text: "If your portfolio dropped 30% in a year, what would you do?",
        about: "reaction to a fall of 30%",
        options: [
            choice("sell_everything", "Sell everything", 0),
            choice("sell_some", "Sell some", 5),
            choice("hold", "Hold", 15),
            choice("buy_more", "Buy more", 20),
        ],
    },
    Question {
        id: "q4",
        text: "What is your primary investment goal?",
        about: "primary goal",
        options: [
            choice("capital_preservation", "Capital preservation", 5),
            choice("income_generation", "Income generation", 10),
            choice("balanced_growth", "Balanced growth", 15),
            choice("maximum_growth", "Maximum growth", 20),
        ],
    },
    Question {
        id: "q5",
        text: "How much investment experience do you have?",
        about: "experience",
        options: [
            choice("none", "None", 5),
            choice("beginner", "Beginner (< 2 years)", 10),
            choice("intermediate", "Intermediate (2-5 years)", 15),
            choice("advanced", "Advanced (5+ years)", 20),
        ],
    },
    Question {
        id: "q6",
        text: "What is the maximum loss you can tolerate in a year?",
        about: "loss tolerated in a year",
        options: [
            choice("5_percent", "5%", 5),
            choice("10_percent", "10%", 10),
            choice("20_percent", "20%", 15),
            choice("30_percent_or_more", "30%+", 20),
        ],
    },
    Question {
        id: "q7",
        text: "How stable is your income?",
        about: "stability of income",
        options: [
            choice("very_unstable", "Very unstable", 5),
            choice("somewhat_stable", "Somewhat stable", 10),
            choice("stable", "Stable", 15),
            choice("very_stable", "Very stable", 20),
        ],
    },
    Question {
        id: "q8",
        text: "Do you need access to your investments in the next 2 years?",
        about: "access in the next 2 years",
        options: [
            choice("yes_definitely", "Yes, definitely", 0),
            choice("maybe", "Maybe", 5),
            choice("unlikely", "Unlikely", 10),
            choice("no", "No", 15),
        ],
    },
    Question {
        id: "q9",
        text: "How do you feel about market volatility?",
        about: "feeling about volatility",
        options: [
            choice("very_uncomfortable", "Very uncomfortable", 5),
            choice("uncomfortable", "Uncomfortable", 10),
            choice("neutral", "Neutral", 15),
            choice("comfortable", "Comfortable", 20),
        ],
    },
    Question {
        id: "q10",
        text: "What is your expected return?",
        about: "expected return",
        options: [
            choice("3_to_5_percent", "3-5% (conservative)", 5),
            choice("5_to_7_percent", "5-7% (moderate)", 10),
            choice("7_to_10_percent", "7-10% (growth)", 15),
            choice("10_percent_or_more", "10%+ (aggressive)", 20),
        ],
    },
];
