//! Tables: columns where the terminal is wide enough, with names and the last column wrapped if necessary; on narrower
//! terminals, one record below the other. Nothing is truncated.

use console::{Alignment, measure_text_width, pad_str, style};

use super::wrap::{break_words, breakable_parts, wrap};

/// Spaces between two columns, and before the first one.
const GAP: usize = 2;
/// Fewest columns that a wrapped cell gets; narrower ones would hold one word per line.
const WRAPPED_COLUMN_MIN: usize = 16;

/// Rows below headers. Cells may have colours.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    headers: [&'static str; N],
    rows: Vec<[String; N]>,
    /// Columns of numbers. The last column, which may be wrapped, is not among them.
    right_aligned: &'static [usize],
    /// Columns that are omitted where all of their cells are empty.
    optional: &'static [usize],
    /// Columns of names, which are read and not copied: they are wrapped first.
    names: &'static [usize],
}

impl<const N: usize> Table<N> {
    pub(crate) const fn new(headers: [&'static str; N]) -> Self {
        Self { headers, rows: Vec::new(), right_aligned: &[], optional: &[], names: &[] }
    }

    /// Aligns columns to the right.
    pub(crate) const fn numbers(mut self, right_aligned: &'static [usize]) -> Self {
        self.right_aligned = right_aligned;
        self
    }

    /// Omits these columns where all of their cells are empty; not the last one.
    pub(crate) const fn optional(mut self, optional: &'static [usize]) -> Self {
        self.optional = optional;
        self
    }

    /// Marks the columns that hold names.
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
            let is_left_out = widest == 0 && self.optional.contains(&column);
            if is_left_out {
                0
            } else {
                self.headers.get(column).map_or(0, |header| header.len()).max(widest)
            }
        });
        let Some(widths) = width.map_or(Some(widths), |width| self.shrink_widths(widths, width)) else {
            return self.records(width);
        };
        let headers = self.headers.map(|header| style(header).dim().to_string());
        let rows = std::iter::once(&headers).chain(&self.rows);
        rows.flat_map(|row| self.row_lines(row, &widths)).collect()
    }

    /// Narrower columns, so that all fit: the widest of those that may be wrapped shrinks first. None where the
    /// terminal is still too narrow.
    fn shrink_widths(&self, mut widths: [usize; N], width: usize) -> Option<[usize; N]> {
        let minimums: [usize; N] = std::array::from_fn(|column| {
            let natural = widths.get(column).copied().unwrap_or_default();
            match column {
                _ if self.names.contains(&column) => WRAPPED_COLUMN_MIN.min(natural),
                _ if column + 1 == N => {
                    self.longest_breakable_part(column).max(WRAPPED_COLUMN_MIN).min(natural)
                }
                _ => natural,
            }
        });
        // An omitted column has no width.
        while widths.iter().filter(|width| **width > 0).map(|width| width + GAP).sum::<usize>() > width {
            let shrinkable = widths.iter_mut().zip(minimums).filter(|(width, minimums)| **width > *minimums);
            let (widest, _) = shrinkable.max_by_key(|(width, _)| **width)?;
            *widest -= 1;
        }
        Some(widths)
    }

    /// Width of the longest word of a column, which is not broken.
    fn longest_breakable_part(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells
            .flat_map(|cell| cell.split(' ').flat_map(breakable_parts))
            .map(measure_text_width)
            .max()
            .unwrap_or_default()
    }

    fn row_lines(&self, row: &[String; N], widths: &[usize; N]) -> Vec<String> {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            match self.names.contains(&column) {
                _ if *width == 0 || measure_text_width(cell) <= *width => vec![cell.clone()],
                true => break_words(cell, *width),
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
                let side =
                    if self.right_aligned.contains(&column) { Alignment::Right } else { Alignment::Left };
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
        let margin = GAP + self.headers.iter().map(|header| header.len()).max().unwrap_or_default() + GAP;
        let mut lines = Vec::new();
        for row in &self.rows {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            for (index, (header, cell)) in self.headers.iter().zip(row).enumerate() {
                let first = match index {
                    0 => " ".repeat(GAP),
                    _ => format!(
                        "{:GAP$}{}",
                        "",
                        pad_str(&style(header).dim().to_string(), margin - GAP, Alignment::Left, None)
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
    fn columns_are_aligned() {
        insta::assert_snapshot!(text(table().lines(Some(80))), @"
          dispute   amount  reason
          CB-1        9.00  Not as described
          CB-20418  129.00
        ");
    }

    #[test]
    fn an_empty_optional_column_is_omitted() {
        let mut table = Table::new(["app", "old secret until", "notifications"]).optional(&[1]);
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
    fn on_a_narrower_terminal_the_last_column_is_wrapped() {
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
    fn a_long_name_is_wrapped_first() {
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
