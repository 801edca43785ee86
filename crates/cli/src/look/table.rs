//! Tables: columns where the terminal is wide enough, names and the last one broken over lines if need be; one record
//! under the other where that is not enough. Nothing is cut off.

use console::{Alignment, measure_text_width, pad_str, style};

use super::wrap::{broken, parts, wrap};

/// Between two columns, and before the first one.
const GAP: usize = 2;
/// Columns of a terminal below which a broken text is a pillar of words.
const BROKEN_MIN: usize = 16;

/// Rows under heads. Cells may have colours.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    heads: [&'static str; N],
    rows: Vec<[String; N]>,
    /// Columns of numbers, which are compared digit by digit. The last one, which may be broken, is none.
    right: &'static [usize],
    /// Columns that are left out where nothing stands in them.
    rare: &'static [usize],
    /// Columns of names, which are read and not copied: they are the first to be broken over lines.
    names: &'static [usize],
}

impl<const N: usize> Table<N> {
    pub(crate) const fn new(heads: [&'static str; N]) -> Self {
        Self { heads, rows: Vec::new(), right: &[], rare: &[], names: &[] }
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

    /// Says which columns hold names.
    pub(crate) const fn names(mut self, names: &'static [usize]) -> Self {
        self.names = names;
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
        let Some(widths) = width.map_or(Some(widths), |width| self.fitted(widths, width)) else {
            return self.records(width);
        };
        let heads = self.heads.map(|head| style(head).dim().to_string());
        let rows = std::iter::once(&heads).chain(&self.rows);
        rows.flat_map(|row| self.row_lines(row, &widths)).collect()
    }

    /// Narrower columns, so that all fit: the widest of those that may be broken gives way first. None where the
    /// terminal is too narrow even so.
    fn fitted(&self, mut widths: [usize; N], width: usize) -> Option<[usize; N]> {
        let least: [usize; N] = std::array::from_fn(|column| {
            let natural = widths.get(column).copied().unwrap_or_default();
            match column {
                _ if self.names.contains(&column) => BROKEN_MIN.min(natural),
                _ if column + 1 == N => self.longest_part(column).max(BROKEN_MIN).min(natural),
                _ => natural,
            }
        });
        // What is left out takes nothing.
        while widths.iter().filter(|width| **width > 0).map(|width| width + GAP).sum::<usize>() > width {
            let may_give = widths.iter_mut().zip(least).filter(|(width, least)| **width > *least);
            let (widest, _) = may_give.max_by_key(|(width, _)| **width)?;
            *widest -= 1;
        }
        Some(widths)
    }

    /// How wide the longest word of a column is, which stays whole.
    fn longest_part(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells
            .flat_map(|cell| cell.split(' ').flat_map(parts))
            .map(measure_text_width)
            .max()
            .unwrap_or_default()
    }

    fn row_lines(&self, row: &[String; N], widths: &[usize; N]) -> Vec<String> {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            match self.names.contains(&column) {
                _ if *width == 0 || measure_text_width(cell) <= *width => vec![cell.clone()],
                true => broken(cell, *width),
                false => wrap("", cell, 0, Some(*width)).lines().map(str::to_owned).collect(),
            }
        });
        let cells: Vec<_> = cells.collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or_default();
        let line = |at: usize| {
            let mut line = String::new();
            for (column, (cell, width)) in
                cells.iter().zip(widths).enumerate().filter(|(_, (_, width))| **width > 0)
            {
                let side = if self.right.contains(&column) { Alignment::Right } else { Alignment::Left };
                let text = cell.get(at).map_or("", String::as_str);
                line.push_str(&" ".repeat(GAP));
                line.push_str(&pad_str(text, *width, side, None));
            }
            line.trim_end().to_owned()
        };
        (0..height).map(line).collect()
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
    fn a_long_name_is_broken_before_the_table_is() {
        let mut table = Table::new(["merchant", "name", "time zone"]).numbers(&[0]).names(&[1]);
        table.row(["80".to_owned(), "Tea House".to_owned(), "Asia/Shanghai".to_owned()]);
        table.row([
            "81".to_owned(),
            "The Very Long Established Company of Purveyors of Fine Teas and Donaudampfschifffahrten"
                .to_owned(),
            "Europe/Vienna".to_owned(),
        ]);
        insta::assert_snapshot!(text(table.lines(Some(60))), @"
          merchant  name                               time zone
                80  Tea House                          Asia/Shanghai
                81  The Very Long Established Company  Europe/Vienna
                    of Purveyors of Fine Teas and
                    Donaudampfschifffahrten
        ");
        assert!(text(table.lines(Some(30))).starts_with("  80\n"), "too narrow for three columns");
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
