//! Tables: columns where the terminal is wide enough, the last one broken between words if need be; one record under the
//! other where it is not.

use console::{Alignment, measure_text_width, pad_str, style};

use super::wrap::wrap;

/// Between two columns, and before the first one.
const GAP: usize = 2;
/// Columns of a terminal below which a broken text is a pillar of words.
const LAST_MIN: usize = 16;

/// Rows under heads. Cells may have colours.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    heads: [&'static str; N],
    rows: Vec<[String; N]>,
    /// Columns of numbers, which are compared digit by digit. The last one, which may be broken, is none.
    right: &'static [usize],
    /// Columns that are left out where nothing stands in them.
    rare: &'static [usize],
}

impl<const N: usize> Table<N> {
    pub(crate) const fn new(heads: [&'static str; N]) -> Self {
        Self { heads, rows: Vec::new(), right: &[], rare: &[] }
    }

    /// Sets columns to the right.
    pub(crate) const fn numbers(mut self, right: &'static [usize]) -> Self {
        self.right = right;
        self
    }

    /// Leaves columns out where nothing stands in them; not the last one.
    pub(crate) const fn rare(mut self, rare: &'static [usize]) -> Self {
        self.rare = rare;
        self
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, at most `width` columns wide as far as the words allow.
    pub(crate) fn lines(&self, width: Option<usize>) -> Vec<String> {
        let widths: [usize; N] = std::array::from_fn(|column| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| measure_text_width(cell)).max().unwrap_or_default();
            let is_left_out = widest == 0 && self.rare.contains(&column);
            if is_left_out { 0 } else { self.heads.get(column).map_or(0, |head| head.len()).max(widest) }
        });
        let last = widths.last().copied().unwrap_or_default();
        let shown = widths.iter().filter(|width| **width > 0);
        let others = shown.map(|width| width + GAP).sum::<usize>() - last;
        let broken = self.longest_word().max(LAST_MIN).min(last);
        if width.is_some_and(|width| others + broken > width) {
            return self.records(width);
        }
        let heads = self.heads.map(|head| style(head).dim().to_string());
        let rows = std::iter::once(&heads).chain(&self.rows);
        rows.flat_map(|row| self.row_lines(row, &widths, width)).collect()
    }

    /// How wide the last column's longest word is, which stays whole.
    fn longest_word(&self) -> usize {
        let words = self.rows.iter().filter_map(|row| row.last()).flat_map(|cell| cell.split(' '));
        words.map(measure_text_width).max().unwrap_or_default()
    }

    fn row_lines(&self, row: &[String; N], widths: &[usize; N], width: Option<usize>) -> Vec<String> {
        let mut line = String::new();
        let Some((last, others)) = row.split_last() else { return Vec::new() };
        for (column, (cell, width)) in
            others.iter().zip(widths).enumerate().filter(|(_, (_, width))| **width > 0)
        {
            let side = if self.right.contains(&column) { Alignment::Right } else { Alignment::Left };
            line.push_str(&" ".repeat(GAP));
            line.push_str(&pad_str(cell, *width, side, None));
        }
        line.push_str(&" ".repeat(GAP));
        let margin = measure_text_width(&line);
        wrap(&line, last, margin, width).lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Each row as a block, its first cell as the title.
    fn records(&self, width: Option<usize>) -> Vec<String> {
        let margin = GAP + self.heads.iter().map(|head| head.len()).max().unwrap_or_default() + GAP;
        let mut lines = Vec::new();
        for row in &self.rows {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            for (index, (head, cell)) in self.heads.iter().zip(row).enumerate() {
                let first = match index {
                    0 => " ".repeat(GAP),
                    _ => format!(
                        "{:GAP$}{}",
                        "",
                        pad_str(&style(head).dim().to_string(), margin - GAP, Alignment::Left, None)
                    ),
                };
                if index == 0 || !cell.is_empty() {
                    let text = if index == 0 { style(cell).bold().to_string() } else { cell.clone() };
                    lines.extend(wrap(&first, &text, margin, width).lines().map(str::to_owned));
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<3> {
        let mut table = Table::new(["dispute", "amount", "reason"]).numbers(&[1]);
        table.row(["CB-1".to_owned(), "9.00".to_owned(), "Not as described".to_owned()]);
        table.row(["CB-20418".to_owned(), "129.00".to_owned(), String::new()]);
        table
    }

    fn text(lines: Vec<String>) -> String {
        console::strip_ansi_codes(&lines.join("\n")).into_owned()
    }

    #[test]
    fn columns_stand_under_each_other() {
        insta::assert_snapshot!(text(table().lines(Some(80))), @"
          dispute   amount  reason
          CB-1        9.00  Not as described
          CB-20418  129.00
        ");
    }

    #[test]
    fn a_rare_column_is_left_out_where_nothing_stands_in_it() {
        let mut table = Table::new(["app", "old secret until", "notifications"]).rare(&[1]);
        table.row(["3f0c".to_owned(), String::new(), "https://shop.example/hook".to_owned()]);
        insta::assert_snapshot!(text(table.lines(Some(40))), @"
          app   notifications
          3f0c  https://shop.example/hook
        ");
        table.row(["77aa".to_owned(), "2026-03-06".to_owned(), String::new()]);
        insta::assert_snapshot!(text(table.lines(Some(80))), @"
          app   old secret until  notifications
          3f0c                    https://shop.example/hook
          77aa  2026-03-06
        ");
    }

    #[test]
    fn on_a_narrower_terminal_the_last_column_is_broken() {
        let mut table = Table::new(["#", "event", "note"]).numbers(&[0]);
        table.row([
            "1".to_owned(),
            "RESOLVED".to_owned(),
            "the bank found the refund in its books".to_owned(),
        ]);
        insta::assert_snapshot!(text(table.lines(Some(34))), @"
          #  event     note
          1  RESOLVED  the bank found the
                       refund in its books
        ");
        assert_eq!(table.lines(Some(28)).len(), 4, "too narrow for words");
    }

    #[test]
    fn on_a_narrow_terminal_each_row_is_a_record() {
        insta::assert_snapshot!(text(table().lines(Some(24))), @"
        CB-1
        amount   9.00
        reason   Not as
                 described

        CB-20418
        amount   129.00
        ");
    }
}
