//! JSON objects: one a line, or the elements of one array.

use super::compression::Stream;
use super::json_column::JsonColumn;
use super::json_text::members;
use super::{Places, RawBatch, Source, malformed};
use crate::limit::{BATCH_BYTES, BATCH_ROWS, COLUMNS, RECORD_BYTES};
use crate::{ImportError, Reject};
use hashbrown::HashMap;

/// Bytes asked of the file at once.
const CHUNK: usize = 1 << 20;

/// A file of JSON objects, batch by batch.
pub(crate) struct JsonSource {
    stream: Stream,
    /// The objects are elements of an array.
    array: bool,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    row: u64,
    line: u64,
}

/// Where an object ends.
enum Cut {
    More,
    End,
    /// From here to there, and where to go on.
    Object(usize, usize, usize),
    TooLong,
}

impl JsonSource {
    pub(crate) fn open(stream: Stream) -> Result<JsonSource, ImportError> {
        let mut source = JsonSource { stream, array: false, buffer: Vec::new(), at: 0, ended: false, row: 0, line: 1 };
        if source.stream.peek()?.starts_with(&[0xef, 0xbb, 0xbf]) {
            source.stream.skip(3);
        }
        source.refill()?;
        let start = source.buffer.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
        if source.buffer.get(start) == Some(&b'[') {
            source.array = true;
            source.pass(start + 1);
        }
        Ok(source)
    }

    fn refill(&mut self) -> Result<(), ImportError> {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.ended = !self.stream.fill(&mut self.buffer, CHUNK)?;
        Ok(())
    }

    fn pass(&mut self, end: usize) {
        self.line += self.buffer[self.at..end].iter().filter(|b| **b == b'\n').count() as u64;
        self.at = end;
    }

    fn cut(&mut self) -> Result<Cut, ImportError> {
        let rest = &self.buffer[self.at..];
        let blank = if self.array { rest.iter().take_while(|b| b.is_ascii_whitespace() || **b == b',').count() } else { blank_lines(rest) };
        self.pass(self.at + blank);
        let rest = &self.buffer[self.at..];
        if rest.is_empty() || self.array && rest[0] == b']' {
            return self.at_end();
        }
        let end = if self.array { element_end(rest) } else { rest.iter().position(|b| *b == b'\n') };
        Ok(match end {
            Some(end) => Cut::Object(self.at, self.at + end, self.at + end + usize::from(!self.array)),
            None if rest.len() > RECORD_BYTES => Cut::TooLong,
            None if !self.ended => Cut::More,
            None if self.array => return Err(self.unclosed()),
            None => Cut::Object(self.at, self.buffer.len(), self.buffer.len()),
        })
    }

    fn at_end(&mut self) -> Result<Cut, ImportError> {
        let closed = self.buffer.get(self.at) == Some(&b']');
        match (closed, self.ended) {
            (true, _) => Ok(Cut::End),
            (false, false) => Ok(Cut::More),
            (false, true) if self.array => Err(self.unclosed()),
            (false, true) => Ok(Cut::End),
        }
    }

    fn unclosed(&self) -> ImportError {
        ImportError::Damaged { file: self.stream.name.clone(), reason: "its JSON array is not closed".into() }
    }

    fn too_long(&self) -> ImportError {
        let reason = format!("the JSON value at line {} is longer than 16 MiB", self.line);
        ImportError::Unsupported { file: self.stream.name.clone(), reason }
    }

    fn reject(&self, what: &str) -> Reject {
        malformed(&self.stream.name, self.row, self.line, format!("malformed JSON: {what}"))
    }
}

impl Source for JsonSource {
    fn columns(&self) -> Option<Vec<String>> {
        None
    }

    fn next(&mut self) -> Result<Option<RawBatch>, ImportError> {
        let (mut columns, mut rejects, mut places, mut bytes) = (Columns::default(), Vec::new(), Vec::new(), 0);
        while places.len() + rejects.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let (start, end, next) = match self.cut()? {
                Cut::More => {
                    self.refill()?;
                    continue;
                }
                Cut::End => break,
                Cut::TooLong => return Err(self.too_long()),
                Cut::Object(start, end, next) => (start, end, next),
            };
            self.row += 1;
            let text = std::str::from_utf8(&self.buffer[start..end]).map_err(|_| "the text is not UTF-8");
            match text.and_then(|text| columns.push(places.len(), text)) {
                Ok(()) => places.push((self.row, self.line)),
                Err(what) => rejects.push(self.reject(what)),
            }
            bytes += end - start;
            self.pass(next);
        }
        if places.is_empty() && rejects.is_empty() {
            return Ok(None);
        }
        let rows = places.len();
        Ok(Some(RawBatch {
            file: self.stream.name.clone(),
            rows,
            columns: columns.list.into_iter().map(|(name, column)| column.finish(&name, rows)).collect(),
            places: Places { first: 0, text: Some(places) },
            malformed: rejects,
        }))
    }

    fn bytes(&self) -> (u64, Option<u64>) {
        (self.stream.bytes_done(), self.stream.total)
    }
}

/// Columns by name, in the order in which they were first seen.
#[derive(Default)]
struct Columns {
    list: Vec<(String, JsonColumn)>,
    by_name: HashMap<String, usize>,
}

impl Columns {
    fn push(&mut self, row: usize, text: &str) -> Result<(), &'static str> {
        let members = members(text)?;
        let mut places = Vec::with_capacity(members.len());
        for (i, (name, _)) in members.iter().enumerate() {
            places.push(self.place(i, name)?);
        }
        // Backwards: of two members of one name the last counts.
        for (place, (_, value)) in places.into_iter().zip(&members).rev() {
            let column = &mut self.list[place].1;
            column.pad(row);
            if column.len() == row {
                column.push(value);
            }
        }
        Ok(())
    }

    /// Objects of one file mostly have the same members in the same order.
    fn place(&mut self, guess: usize, name: &str) -> Result<usize, &'static str> {
        if self.list.get(guess).is_some_and(|(n, _)| n == name) {
            return Ok(guess);
        }
        if let Some(place) = self.by_name.get(name) {
            return Ok(*place);
        }
        if self.list.len() >= COLUMNS {
            return Err("there are more than 4096 different names; keep varying names inside one JSON value");
        }
        self.by_name.insert(name.to_string(), self.list.len());
        self.list.push((name.to_string(), JsonColumn::default()));
        Ok(self.list.len() - 1)
    }
}

/// Bytes of the blank lines at the start.
fn blank_lines(rest: &[u8]) -> usize {
    rest.iter().take_while(|b| b.is_ascii_whitespace()).count()
}

/// Where the element that begins here ends.
pub(crate) fn element_end(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (i, b) in rest.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b',' | b']' if depth == 0 => return Some(i),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}
