//! Medians of ratios, each pair of one round.

/// Rates and ratios as they are measured.
#[derive(Default)]
pub(crate) struct Report {
    rounds: Vec<[f64; 4]>,
    nonces: Vec<f64>,
    nonce_count: usize,
}

impl Report {
    pub(crate) fn round(&mut self, bare: f64, contest: f64, single: f64, query: f64) {
        println!(
            "bare {bare:>8.0}/s   contest {contest:>8.0}/s   one transaction each {single:>8.0}/s   query {query:>8.0}/s"
        );
        self.rounds.push([bare, contest, single, query]);
    }

    pub(crate) fn nonces(&mut self, count: usize, ratio: f64) {
        println!("contests with {count} used nonces: {ratio:.2} of a fresh gateway");
        self.nonce_count = count;
        self.nonces.push(ratio);
    }

    pub(crate) fn print(&self) {
        let ratio =
            |over: usize, under: usize| median(self.rounds.iter().map(|round| round[over] / round[under]));
        println!();
        println!("| figure | median | wanted |");
        println!("|---|---|---|");
        println!("| durable contests, share of a bare answer | {:.2} | 0.30 |", ratio(1, 0));
        println!("| durable contests, multiple of one transaction each | {:.1} | 6 |", ratio(1, 2));
        println!("| queries, share of a bare answer | {:.2} | 0.5 |", ratio(3, 0));
        if !self.nonces.is_empty() {
            let ratio = median(self.nonces.iter().copied());
            println!(
                "| contests with {} used nonces, share of a fresh gateway | {ratio:.2} | 1 |",
                self.nonce_count
            );
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
