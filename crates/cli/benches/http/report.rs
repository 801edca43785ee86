//! Tables in Markdown, and medians.

/// A table that is printed whole, as docs/performance.md has it.
pub(crate) struct Table<const COLUMNS: usize> {
    title: String,
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(title: &str, columns: &[&str; COLUMNS]) -> Self {
        Self {
            title: title.to_owned(),
            rows: vec![columns.map(str::to_owned), [(); COLUMNS].map(|()| "---".to_owned())],
        }
    }

    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    pub(crate) fn print(&self) {
        println!("\n{}\n", self.title);
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
