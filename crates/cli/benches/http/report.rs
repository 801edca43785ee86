//! Medians of ratios, each from one round.

use crate::load::Measured;

/// What was measured, round by round.
#[derive(Default)]
pub(crate) struct Report {
    rounds: Vec<Round>,
    nonces: Vec<f64>,
    nonce_count: usize,
}

struct Round {
    bare: Measured,
    contest: Measured,
    single: Measured,
    query: Measured,
}

impl Report {
    pub(crate) fn round(&mut self, bare: Measured, contest: Measured, single: Measured, query: Measured) {
        let show = |name: &str, measured: Measured| {
            print!("{name} {:>7.0}/s {:>5.1} µs   ", measured.rate, measured.cpu_micros);
        };
        show("bare", bare);
        show("contest", contest);
        show("one transaction each", single);
        show("query", query);
        println!();
        self.rounds.push(Round { bare, contest, single, query });
    }

    pub(crate) fn nonces(&mut self, count: usize, ratio: f64) {
        println!("contests with {count} used nonces: {ratio:.2} of a fresh gateway");
        self.nonce_count = count;
        self.nonces.push(ratio);
    }

    pub(crate) fn print(&self) {
        let ratio = |of: fn(&Round) -> f64| median(self.rounds.iter().map(of));
        let contest = ratio(|round| round.contest.rate / round.bare.rate);
        let multiple = ratio(|round| round.contest.rate / round.single.rate);
        let query = ratio(|round| round.query.rate / round.bare.rate);
        println!();
        println!("| figure | median | wanted |");
        println!("|---|---|---|");
        println!("| durable contests, share of a bare answer | {contest:.2} | 0.30 |");
        println!("| durable contests, multiple of one transaction each | {multiple:.1} | 6 |");
        println!("| queries, share of a bare answer | {query:.2} | 0.5 |");
        if !self.nonces.is_empty() {
            let ratio = median(self.nonces.iter().copied());
            println!(
                "| contests with {} used nonces, share of a fresh gateway | {ratio:.2} | 1 |",
                self.nonce_count
            );
        }
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
