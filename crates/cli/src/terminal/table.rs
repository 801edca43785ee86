//! Tables. Nothing is truncated, and only names and the last column are wrapped: other cells are copied. A table that
//! does not fit is wider than the terminal.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width, presets};

/// Fewest columns of a wrapped cell; narrower ones would have one word per line.
const WRAPPED_MIN: u16 = 16;

/// Rows below headers.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    headers: [&'static str; N],
    rows: Vec<[String; N]>,
    right_aligned: &'static [usize],
    optional: &'static [usize],
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

    /// Omits these columns where all of their cells are empty.
    pub(crate) const fn optional(mut self, optional: &'static [usize]) -> Self {
        self.optional = optional;
        self
    }

    /// Marks columns that may be wrapped besides the last one.
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

    /// The lines, at most `width` columns wide if the cells allow it.
    pub(crate) fn lines(&self, width: Option<usize>) -> Vec<String> {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(self.headers).add_rows(self.rows.iter());
        if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((2, 0));
            if self.right_aligned.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            let cells = || self.rows.iter().filter_map(|row| row.get(index));
            column.set_constraint(match index {
                _ if self.optional.contains(&index) && cells().all(String::is_empty) => {
                    ColumnConstraint::Hidden
                }
                _ if index + 1 == N || self.names.contains(&index) => {
                    ColumnConstraint::LowerBoundary(Width::Fixed(WRAPPED_MIN))
                }
                _ => ColumnConstraint::ContentWidth,
            });
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_the_last_column_are_wrapped() {
        let mut table = Table::new(["#", "name", "none", "note"]).numbers(&[0]).optional(&[2]).names(&[1]);
        let name = "Long Established Company of Purveyors of Fine Teas";
        for (number, name, note) in [("9", "Tea House", ""), ("10", name, "the bank found the refund")] {
            table.row([number, name, "", note].map(str::to_owned));
        }
        insta::assert_snapshot!(table.lines(Some(48)).join("\n"), @"
           #  name                  note
           9  Tea House
          10  Long Established      the bank found the
              Company of Purveyors  refund
              of Fine Teas
        ");
        let narrow = table.lines(Some(20));
        assert!(narrow.iter().any(|line| line.ends_with("  the bank found")), "{narrow:?}");
        assert_eq!(table.lines(None).len(), 3);
    }
}
