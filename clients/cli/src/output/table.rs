//! Columns in line, for people: numbers to the right, NULL left empty, a line that counts the rows.

use super::value::texts;
use crate::answer::Table;
use crate::failure::Failure;
use crate::out;
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use std::io::{IsTerminal, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// So many rows are read before the first is written, to find out how wide the columns are.
const MEASURED_ROWS: usize = 1000;
/// On a terminal a longer value would push its neighbours out of sight.
const TERMINAL_CELL_MAX: usize = 80;

/// What the reader's screen can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableStyle {
    colour: bool,
    cell_max: usize,
}

impl TableStyle {
    /// Nothing cut, no colour.
    pub(crate) fn plain() -> Self {
        Self { colour: false, cell_max: usize::MAX }
    }

    /// As stdout can show it.
    pub(crate) fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self { colour: out::colour_on_stdout(), cell_max: if terminal { TERMINAL_CELL_MAX } else { usize::MAX } }
    }
}

type Row = Vec<Option<String>>;

/// Writes a table; returns its number of rows.
pub(crate) fn write(writer: &mut dyn Write, table: &mut Table, style: TableStyle) -> Result<usize, Failure> {
    let mut first: Vec<Row> = Vec::new();
    while first.len() < MEASURED_ROWS
        && let Some(batch) = table.batches.next()
    {
        first.extend(rows_of(&batch?));
    }
    let sheet = Sheet::measure(table, &first, style);
    sheet.write_head(writer)?;
    let mut cut = sheet.write_rows(writer, &first)?;
    let mut rows = first.len();
    for batch in &mut table.batches {
        let more = rows_of(&batch?);
        cut |= sheet.write_rows(writer, &more)?;
        rows += more.len();
    }
    let approximate = if table.approximate { ", approximate" } else { "" };
    let hint = if cut { "; long values are cut, `--format csv` shows them whole" } else { "" };
    writeln!(writer, "({rows} {}{approximate}{hint})", if rows == 1 { "row" } else { "rows" })?;
    Ok(rows)
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let columns: Vec<_> = batch.columns().iter().map(texts).collect();
    (0..batch.num_rows()).map(|row| columns.iter().map(|text| text(row)).collect()).collect()
}

struct Column {
    name: String,
    right: bool,
    width: usize,
}

/// A table's columns with their widths.
struct Sheet {
    columns: Vec<Column>,
    style: TableStyle,
}

impl Sheet {
    fn measure(table: &Table, rows: &[Row], style: TableStyle) -> Self {
        let style = if table.columns.len() == 1 { TableStyle { cell_max: usize::MAX, ..style } } else { style };
        let fields = table.schema.fields();
        let columns = table.columns.iter().zip(fields).enumerate().map(|(i, (column, field))| {
            let widest = rows.iter().filter_map(|r| r[i].as_deref()).flat_map(str::lines).map(shown_width).max().unwrap_or(0);
            let name = shown(&column.name);
            Column { right: is_number(field.data_type()), width: widest.min(style.cell_max).max(name.width()), name }
        });
        Self { columns: columns.collect(), style }
    }

    fn write_head(&self, writer: &mut dyn Write) -> Result<(), Failure> {
        let names: Vec<_> = self.columns.iter().map(|c| align(&c.name, c.width, c.right)).collect();
        let rules: Vec<_> = self.columns.iter().map(|c| "-".repeat(c.width)).collect();
        let (bold, plain) = if self.style.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        writeln!(writer, "{bold} {}{plain}", names.join(" | ").trim_end())?;
        Ok(writeln!(writer, "-{}-", rules.join("-+-"))?)
    }

    /// Returns true when a value was cut.
    fn write_rows(&self, writer: &mut dyn Write, rows: &[Row]) -> Result<bool, Failure> {
        let mut cut = false;
        for row in rows {
            let height = row.iter().flatten().map(|v| v.lines().count()).max().unwrap_or(1).max(1);
            for line in 0..height {
                let mut text = String::new();
                for (cell, column) in row.iter().zip(&self.columns) {
                    let value = cell.as_deref().and_then(|v| v.lines().nth(line)).unwrap_or("");
                    let (value, was_cut) = fit(&shown(value), self.style.cell_max);
                    cut |= was_cut;
                    text.push_str(if text.is_empty() { " " } else { " | " });
                    text.push_str(&align(&value, column.width, column.right));
                }
                writeln!(writer, "{}", text.trim_end())?;
            }
        }
        Ok(cut)
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// Control characters could rule the terminal: they are written as their pictures.
fn shown(value: &str) -> String {
    let picture = |c: char| match c {
        '\t' => ' ',
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('?'),
        '\u{7f}'..='\u{9f}' => '\u{2421}',
        c => c,
    };
    value.chars().map(picture).collect()
}

fn shown_width(value: &str) -> usize {
    shown(value).width()
}

fn align(value: &str, width: usize, right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(value.width()));
    if right { format!("{blanks}{value}") } else { format!("{value}{blanks}") }
}

/// Cuts a value that is too wide, and says whether it did.
fn fit(value: &str, max: usize) -> (String, bool) {
    if value.width() <= max {
        return (value.to_string(), false);
    }
    let mut width = 0;
    let kept: String = value
        .chars()
        .take_while(|c| {
            width += c.width().unwrap_or(0);
            width < max
        })
        .collect();
    (format!("{kept}…"), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};
    use eql_engine::ResultColumn;
    use std::sync::Arc;

    fn drawn(names: Vec<Option<&str>>, numbers: Vec<Option<i64>>) -> String {
        let schema = Arc::new(Schema::new(vec![Field::new("name", DataType::Utf8, true), Field::new("n", DataType::Int64, true)]));
        let arrays: Vec<ArrayRef> = vec![Arc::new(StringArray::from(names)), Arc::new(Int64Array::from(numbers))];
        let batch = RecordBatch::try_new(schema.clone(), arrays).expect("columns of one length");
        let column = |name: &str| ResultColumn { name: name.into(), type_name: String::new() };
        let mut table = Table {
            columns: vec![column("name"), column("n")],
            schema,
            batches: Box::new(std::iter::once(Ok(batch))),
            warnings: eql_engine::Warnings::default(),
            approximate: false,
            started: std::time::Instant::now(),
        };
        let mut bytes = Vec::new();
        write(&mut bytes, &mut table, TableStyle { colour: false, cell_max: 10 }).expect("a table");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn numbers_stand_right_and_wide_letters_count_double() {
        let want = " name |  n\n------+----\n 购买 |  1\n b    | 20\n      |\n(3 rows)\n";
        assert_eq!(drawn(vec![Some("购买"), Some("b"), None], vec![Some(1), Some(20), None]), want);
    }

    #[test]
    fn long_values_are_cut_and_lines_stay_lines() {
        let text = drawn(vec![Some("abcdefghijklm"), Some("x\ny\u{1b}")], vec![Some(1), Some(2)]);
        assert!(text.contains(" abcdefghi… | 1\n"), "{text}");
        assert!(text.contains(" x          | 2\n y␛"), "{text}");
        assert!(text.contains("(2 rows; long values are cut"), "{text}");
    }
}
