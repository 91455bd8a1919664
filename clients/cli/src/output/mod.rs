//! Answers on their way out: a format, and stdout or a file.

mod binary;
mod file;
mod table;
mod text;
pub(crate) mod value;

pub(crate) use table::TableStyle;

use crate::answer::{Answer, Table};
use crate::failure::Failure;
use crate::out;
use file::NewFile;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns in line, for people
    Table,
    /// With a line of names; NULL is an empty field
    Csv,
    /// One document a statement: columns and rows
    Json,
    /// One object a row
    Ndjson,
    /// Arrow IPC stream
    Arrow,
    /// Parquet
    Parquet,
}

impl Format {
    /// The format that a file's name asks for.
    pub(crate) fn of_file(path: &Path) -> Option<Self> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Format::Csv,
            "json" => Format::Json,
            "ndjson" | "jsonl" => Format::Ndjson,
            "arrow" | "arrows" | "ipc" => Format::Arrow,
            "parquet" | "pq" => Format::Parquet,
            "txt" => Format::Table,
            _ => return None,
        })
    }

    /// Formats that no terminal shows and that hold one result.
    pub(crate) fn is_binary(self) -> bool {
        matches!(self, Format::Arrow | Format::Parquet)
    }
}

enum Sink {
    Stdout(BufWriter<io::Stdout>),
    File(NewFile),
}

/// Where answers go.
pub(crate) struct Output {
    format: Format,
    sink: Sink,
    style: TableStyle,
    answers: usize,
}

impl Output {
    /// A file (whole or not at all), or stdout.
    pub(crate) fn open(format: Format, file: Option<&Path>) -> Result<Self, Failure> {
        let sink = match file.filter(|f| *f != Path::new("-")) {
            Some(path) => Sink::File(NewFile::create(path)?),
            None if format.is_binary() && io::stdout().is_terminal() => {
                return Err(Failure::Usage("a terminal cannot show this format: name a file with -o, or pipe it".into()));
            }
            None => Sink::Stdout(BufWriter::with_capacity(1 << 16, io::stdout())),
        };
        let style = match sink {
            Sink::Stdout(_) => TableStyle::of_stdout(),
            Sink::File(_) => TableStyle::plain(),
        };
        Ok(Self { format, sink, style, answers: 0 })
    }

    /// Writes one answer; returns its number of rows.
    pub(crate) fn answer(&mut self, answer: Answer) -> Result<usize, Failure> {
        let first = self.answers == 0;
        self.answers += 1;
        let rows = match answer {
            Answer::Done(words) => self.done(&words)?,
            Answer::Rows(table) => self.rows(table, first)?,
        };
        self.writer().flush()?;
        Ok(rows)
    }

    /// Makes the file appear under its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.sink {
            Sink::Stdout(mut stdout) => Ok(stdout.flush()?),
            Sink::File(file) => file.finish(),
        }
    }

    fn rows(&mut self, mut table: Table, first: bool) -> Result<usize, Failure> {
        let style = self.style;
        let format = self.format;
        let writer = self.writer();
        match format {
            Format::Table => table::write(writer, &mut table, style),
            Format::Csv => text::write_csv(writer, &mut table, first),
            Format::Json => text::write_json(writer, &mut table),
            Format::Ndjson => text::write_ndjson(writer, &mut table),
            Format::Arrow => binary::write_arrow(writer, &mut table),
            Format::Parquet => binary::write_parquet(writer, &mut table),
        }
    }

    /// CSV, Arrow and Parquet have no place for words: they go to stderr.
    fn done(&mut self, words: &str) -> Result<usize, Failure> {
        match self.format {
            Format::Table => writeln!(self.writer(), "{words}")?,
            Format::Json | Format::Ndjson => eql_server::render::write_done(words, &mut self.writer())?,
            Format::Csv | Format::Arrow | Format::Parquet => out::note(words),
        }
        Ok(0)
    }

    fn writer(&mut self) -> &mut (dyn Write + Send) {
        match &mut self.sink {
            Sink::Stdout(w) => w,
            Sink::File(w) => w,
        }
    }
}
