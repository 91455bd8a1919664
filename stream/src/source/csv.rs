//! CSV as columns of text.

use super::compression::Stream;
use super::{Kind, Places, RawBatch, RawColumn, Source, malformed};
use crate::limit::{BATCH_BYTES, BATCH_ROWS, COLUMNS, RECORD_BYTES};
use crate::{ImportError, Reject};
use arrow::array::{ArrayRef, StringBuilder};
use std::sync::Arc;

/// Bytes asked of the file at once.
const CHUNK: usize = 1 << 20;

/// A CSV file, batch by batch.
///
/// The records are cut here and not by a library, because a line that is malformed is rejected alone: reading resumes at the next line even when
/// a quote was opened and never closed.
pub(crate) struct CsvSource {
    stream: Stream,
    delimiter: u8,
    /// Texts that say that a value is missing.
    nulls: Vec<String>,
    names: Vec<String>,
    buffer: Vec<u8>,
    /// Start of the next record in the buffer.
    at: usize,
    ended: bool,
    row: u64,
    line: u64,
}

/// Where a record ends, and what it is made of.
enum Cut {
    /// The buffer ends before the record.
    More,
    /// The input ended.
    End,
    /// An empty line.
    Blank(usize),
    /// A record up to this place; its fields are in `fields`.
    Record(usize),
    /// The line that begins here is malformed.
    Malformed(&'static str),
}

/// A field: its bytes in the buffer, and whether it was quoted.
#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    quoted: bool,
}

impl CsvSource {
    pub(crate) fn open(mut stream: Stream, asked: Option<u8>, nulls: &[String]) -> Result<CsvSource, ImportError> {
        let head = stream.peek()?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err(ImportError::Unsupported { file: stream.name, reason: "it is UTF-16 text; save it as UTF-8".into() });
        }
        if head.starts_with(&[0xef, 0xbb, 0xbf]) {
            stream.skip(3);
        }
        let delimiter = match asked {
            Some(asked) => asked,
            None => delimiter(&stream.extension(), stream.peek()?),
        };
        let nulls = nulls.to_vec();
        let mut source =
            CsvSource { stream, delimiter, nulls, names: Vec::new(), buffer: Vec::new(), at: 0, ended: false, row: 0, line: 1 };
        source.read_header()?;
        Ok(source)
    }

    fn read_header(&mut self) -> Result<(), ImportError> {
        let mut fields = Vec::new();
        loop {
            match self.cut(&mut fields) {
                Cut::More => self.refill()?,
                Cut::Blank(end) => self.pass(end),
                Cut::End => return Ok(()),
                Cut::Malformed(what) => {
                    return Err(ImportError::Unsupported { file: self.stream.name.clone(), reason: format!("in its header {what}") });
                }
                Cut::Record(end) => {
                    let name = |(i, f): (usize, &Field)| header_name(i, &String::from_utf8_lossy(&text(&self.buffer, *f)));
                    self.names = fields.iter().enumerate().map(name).collect();
                    self.pass(end);
                    break;
                }
            }
        }
        if self.names.len() > COLUMNS {
            let reason = format!("it has {} columns, at most {COLUMNS} are read", self.names.len());
            return Err(ImportError::Unsupported { file: self.stream.name.clone(), reason });
        }
        Ok(())
    }

    /// Goes on at `end`.
    fn pass(&mut self, end: usize) {
        self.line += self.buffer[self.at..end].iter().filter(|b| **b == b'\n').count() as u64;
        self.at = end;
    }

    fn refill(&mut self) -> Result<(), ImportError> {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.ended = !self.stream.fill(&mut self.buffer, CHUNK)?;
        Ok(())
    }

    /// Finds the next record.
    fn cut(&self, fields: &mut Vec<Field>) -> Cut {
        fields.clear();
        let mut at = self.at;
        match self.buffer.get(at) {
            None if self.ended => return Cut::End,
            None => return Cut::More,
            Some(b'\n') => return Cut::Blank(at + 1),
            Some(b'\r') if self.buffer.get(at + 1) == Some(&b'\n') => return Cut::Blank(at + 2),
            Some(_) => {}
        }
        loop {
            let field = if self.buffer.get(at) == Some(&b'"') { self.quoted(at + 1) } else { Ok(self.unquoted(at)) };
            let (field, end) = match field {
                Ok(found) => found,
                Err(cut) => return cut,
            };
            fields.push(field);
            match self.buffer.get(end) {
                Some(b) if *b == self.delimiter => at = end + 1,
                Some(b'\r') if self.buffer.get(end + 1) == Some(&b'\n') => return Cut::Record(end + 2),
                Some(b'\n') => return Cut::Record(end + 1),
                None if self.ended => return Cut::Record(end),
                None => return self.too_long("there is no end of line within 16 MiB"),
                Some(b'\r') if end + 1 == self.buffer.len() && !self.ended => return Cut::More,
                Some(_) => return Cut::Malformed("text follows a closing quote"),
            }
        }
    }

    fn unquoted(&self, start: usize) -> (Field, usize) {
        let rest = &self.buffer[start..];
        let mut end = start + rest.iter().position(|b| *b == self.delimiter || *b == b'\n').unwrap_or(rest.len());
        if self.buffer.get(end) == Some(&b'\n') && end > start && self.buffer[end - 1] == b'\r' {
            end -= 1;
        }
        (Field { start, end, quoted: false }, end)
    }

    fn quoted(&self, start: usize) -> Result<(Field, usize), Cut> {
        let mut at = start;
        loop {
            match self.buffer[at..].iter().position(|b| *b == b'"') {
                Some(i) if self.buffer.get(at + i + 1) == Some(&b'"') => at += i + 2,
                Some(i) if at + i + 1 == self.buffer.len() && !self.ended => return Err(Cut::More),
                Some(i) => return Ok((Field { start, end: at + i, quoted: true }, at + i + 1)),
                None if self.ended => return Err(Cut::Malformed("a quote is opened and never closed")),
                None => return Err(self.too_long("a quote is not closed within 16 MiB")),
            }
        }
    }

    fn too_long(&self, what: &'static str) -> Cut {
        if self.buffer.len() - self.at > RECORD_BYTES { Cut::Malformed(what) } else { Cut::More }
    }

    /// Skips the line that begins here and says why.
    fn skip_line(&mut self, what: String) -> Reject {
        self.row += 1;
        let reject = malformed(&self.stream.name, self.row, self.line, what);
        let end = self.buffer[self.at..].iter().position(|b| *b == b'\n').map_or(self.buffer.len(), |i| self.at + i + 1);
        self.pass(end);
        reject
    }

    fn wrong_width(&self, fields: &[Field]) -> Option<String> {
        (fields.len() != self.names.len()).then(|| format!("{} fields, but the header has {}", fields.len(), self.names.len()))
    }
}

impl Source for CsvSource {
    fn columns(&self) -> Option<Vec<String>> {
        Some(self.names.clone())
    }

    fn next(&mut self) -> Result<Option<RawBatch>, ImportError> {
        let mut builders: Vec<StringBuilder> = self.names.iter().map(|_| StringBuilder::new()).collect();
        let (mut fields, mut rejects, mut places, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        while places.len() + rejects.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            match self.cut(&mut fields) {
                Cut::More => self.refill()?,
                Cut::End => break,
                Cut::Blank(end) => self.pass(end),
                Cut::Malformed(what) => rejects.push(self.skip_line(what.to_string())),
                Cut::Record(end) => {
                    let fault = self.wrong_width(&fields).or_else(|| {
                        let record = &self.buffer[self.at..end];
                        std::str::from_utf8(record).is_err().then(|| "the line is not UTF-8".to_string())
                    });
                    if let Some(what) = fault {
                        rejects.push(self.skip_line(what));
                        continue;
                    }
                    push(&mut builders, &self.buffer, &fields, &self.nulls);
                    self.row += 1;
                    places.push((self.row, self.line));
                    bytes += end - self.at;
                    self.pass(end);
                }
            }
        }
        if places.is_empty() && rejects.is_empty() {
            return Ok(None);
        }
        let column = |(name, mut b): (&String, StringBuilder)| RawColumn {
            name: name.clone(),
            kind: Kind::Text,
            values: Arc::new(b.finish()) as ArrayRef,
            present: None,
        };
        Ok(Some(RawBatch {
            file: self.stream.name.clone(),
            rows: places.len(),
            columns: self.names.iter().zip(builders).map(column).collect(),
            places: Places { first: 0, text: Some(places) },
            malformed: rejects,
        }))
    }

    fn bytes(&self) -> (u64, Option<u64>) {
        (self.stream.bytes_done(), self.stream.total)
    }
}

/// An empty field is NULL, a quoted empty one is empty text; the texts of `nulls` are NULL with and without quotes.
fn push(builders: &mut [StringBuilder], buffer: &[u8], fields: &[Field], nulls: &[String]) {
    for (builder, field) in builders.iter_mut().zip(fields) {
        if field.start == field.end && !field.quoted {
            builder.append_null();
            continue;
        }
        let text = text(buffer, *field);
        match nulls.iter().any(|n| n.as_bytes() == text.as_ref()) {
            true => builder.append_null(),
            false => builder.append_value(String::from_utf8_lossy(&text)),
        }
    }
}

/// The bytes of a field, with doubled quotes undone.
fn text(buffer: &[u8], field: Field) -> std::borrow::Cow<'_, [u8]> {
    let raw = &buffer[field.start..field.end];
    if !field.quoted || !raw.contains(&b'"') {
        return raw.into();
    }
    let mut plain = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(b) = bytes.next() {
        plain.push(*b);
        if *b == b'"' {
            bytes.next();
        }
    }
    plain.into()
}

fn header_name(i: usize, text: &str) -> String {
    match text.trim() {
        "" => format!("column_{}", i + 1),
        name => name.to_string(),
    }
}

/// By extension; a header without any comma may show another one.
fn delimiter(extension: &str, head: &[u8]) -> u8 {
    let header = head.split(|b| *b == b'\n').next().unwrap_or_default();
    match extension {
        "tsv" => b'\t',
        _ if header.contains(&b',') => b',',
        _ => [b'\t', b';', b'|'].into_iter().find(|d| header.contains(d)).unwrap_or(b','),
    }
}
