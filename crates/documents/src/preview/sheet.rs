//! The first rows of a sheet, as a document of one page, which is then drawn like any other. Text that the fonts
//! of every reader of documents lack is shown as question marks.

use std::fmt::Write as _;
use std::io::Cursor;

use calamine::{Data, Reader, Xls, Xlsx};
use encoding_rs::WINDOWS_1252;
use hayro_syntax::Pdf;
use rebuttal_protocol::{FileFormat, InvalidFile};

use super::not_shown;
use crate::xls;

/// Most rows of a sheet that a preview shows.
const ROWS_MAX: usize = 40;
/// Most columns, likewise.
const COLUMNS_MAX: usize = 12;
/// Most characters of a cell, likewise.
const CELL_MAX_CHARACTERS: usize = 32;

/// Most cells of an old workbook, of which the reader allocates all between the first and the last.
const ALLOCATED_MAX_CELLS: usize = 1_000_000;

const FONT_SIZE: usize = 9;
const ROW_HEIGHT: usize = 14;
const CHARACTER_WIDTH: usize = 5;
const MARGIN: usize = 4;

pub(super) fn document(content: &[u8], format: FileFormat, sheet: usize) -> Result<Pdf, InvalidFile> {
    if format == FileFormat::Xls && xls::allocated_cells(content)? > ALLOCATED_MAX_CELLS {
        return Err(InvalidFile::too_much(format, "cells too far apart for a preview"));
    }
    let rows = match format {
        FileFormat::Xlsx => rows_of_xlsx(content, sheet),
        _ => rows_of_xls(content, sheet),
    };
    let rows = rows.ok_or(not_shown(format))?;
    Pdf::new(page(&rows)).map_err(|_| not_shown(format))
}

/// Stops reading behind the last row that is shown.
fn rows_of_xlsx(content: &[u8], sheet: usize) -> Option<Vec<Vec<String>>> {
    let mut workbook = Xlsx::new(Cursor::new(content)).ok()?;
    let name = workbook.sheet_names().get(sheet)?.clone();
    let mut cells = workbook.worksheet_cells_reader(&name).ok()?;
    let mut rows = Vec::new();
    while let Some(cell) = cells.next_cell().ok()? {
        let (row, column) = cell.get_position();
        let (row, column) = (usize::try_from(row).ok()?, usize::try_from(column).ok()?);
        if row >= ROWS_MAX {
            break;
        }
        if column < COLUMNS_MAX {
            put(&mut rows, row, column, &Data::from(cell.get_value().clone()));
        }
    }
    Some(rows)
}

fn rows_of_xls(content: &[u8], sheet: usize) -> Option<Vec<Vec<String>>> {
    let mut workbook = Xls::new(Cursor::new(content)).ok()?;
    let cells = workbook.worksheet_range_at(sheet)?.ok()?;
    let (first_row, first_column) = cells.start().unwrap_or_default();
    let (first_row, first_column) = (usize::try_from(first_row).ok()?, usize::try_from(first_column).ok()?);
    let mut rows = Vec::new();
    for (row, column, value) in cells.used_cells() {
        if first_row + row < ROWS_MAX && first_column + column < COLUMNS_MAX {
            put(&mut rows, first_row + row, first_column + column, value);
        }
    }
    Some(rows)
}

fn put(rows: &mut Vec<Vec<String>>, row: usize, column: usize, value: &Data) {
    let text: String = value.to_string().chars().take(CELL_MAX_CHARACTERS).collect();
    rows.resize_with(rows.len().max(row + 1), Vec::new);
    if let Some(cells) = rows.get_mut(row) {
        cells.resize(cells.len().max(column + 1), String::new());
        if let Some(cell) = cells.get_mut(column) {
            *cell = text;
        }
    }
}

/// A document with a table: lines around the cells, and their text in the reader's own sans-serif font.
fn page(rows: &[Vec<String>]) -> Vec<u8> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default().max(1);
    let characters = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default().max(4)
    };
    let widths: Vec<usize> =
        (0..columns).map(|column| characters(column) * CHARACTER_WIDTH + 2 * MARGIN).collect();
    let [width, height] = [widths.iter().sum::<usize>(), rows.len().max(1) * ROW_HEIGHT];
    let mut drawing = String::from("0.8 G 0.5 w\n");
    for row in 0..=rows.len().max(1) {
        let _ = writeln!(drawing, "0 {y} m {width} {y} l S", y = row * ROW_HEIGHT);
    }
    let mut left = 0;
    for (column, column_width) in widths.iter().enumerate() {
        let _ = writeln!(drawing, "{left} 0 m {left} {height} l S");
        for (row, cells) in rows.iter().enumerate() {
            let text = cells.get(column).map_or("", String::as_str);
            let (x, y) = (left + MARGIN, height - (row + 1) * ROW_HEIGHT + MARGIN);
            let _ = writeln!(drawing, "BT /F {FONT_SIZE} Tf {x} {y} Td <{}> Tj ET", hex_text(text));
        }
        left += column_width;
    }
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>>>"
        ),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
        format!("<</Length {}>>stream\n{drawing}endstream", drawing.len()),
    ];
    // Without a table of references, which readers make up for.
    let mut document = String::from("%PDF-1.7\n");
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(document, "{} 0 obj\n{object}\nendobj", index + 1);
    }
    document.push_str("trailer<</Root 1 0 R>>\n%%EOF");
    document.into_bytes()
}

/// The bytes of a text in the encoding of Western European Windows, in hexadecimal digits.
fn hex_text(text: &str) -> String {
    let mut hex = String::new();
    for character in text.chars() {
        let mut buffer = [0; 4];
        let (bytes, _, is_unknown) = WINDOWS_1252.encode(character.encode_utf8(&mut buffer));
        let bytes = if is_unknown { &b"?"[..] } else { &*bytes };
        for byte in bytes {
            let _ = write!(hex, "{byte:02x}");
        }
    }
    hex
}
