//! Where the records of a body begin and end.

use super::IngestError;
use crate::source::element_end;
use std::ops::Range;

/// How the records of a body are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// The body is NDJSON, as its content type says.
    Yes,
    /// By the first bytes: an array, one object, or one object a line.
    #[default]
    Sniffed,
}

/// The bytes of each record. Blank lines are none.
pub(crate) fn records(body: &[u8], lines: Lines, rows_max: usize) -> Result<Vec<Range<usize>>, IngestError> {
    let mark = if body.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
    let blank = body[mark..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let start = mark + blank;
    match body.get(start) {
        None => Err(IngestError::Malformed("it is empty".into())),
        Some(b'[') if lines == Lines::Sniffed => elements(body, start + 1, rows_max),
        Some(b'{') if lines == Lines::Sniffed && spans_lines(&body[start..]) => Ok(std::iter::once(start..body.len()).collect()),
        Some(b'{') => each_line(body, start, rows_max),
        Some(_) if lines == Lines::Yes => each_line(body, start, rows_max),
        Some(_) => Err(IngestError::Malformed("it begins neither with `[` nor with `{`".into())),
    }
}

/// The object that begins here is not closed at the end of its first line: it is written over several.
fn spans_lines(rest: &[u8]) -> bool {
    let Some(end) = rest.iter().position(|b| *b == b'\n') else { return false };
    let (mut depth, mut quoted, mut escaped) = (0i64, false, false);
    for b in &rest[..end] {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    depth > 0 && !quoted
}

fn each_line(body: &[u8], mut at: usize, rows_max: usize) -> Result<Vec<Range<usize>>, IngestError> {
    let mut found = Vec::new();
    while at < body.len() {
        let end = body[at..].iter().position(|b| *b == b'\n').map_or(body.len(), |n| at + n);
        push(&mut found, body, at..end, rows_max)?;
        at = end + 1;
    }
    Ok(found)
}

fn elements(body: &[u8], mut at: usize, rows_max: usize) -> Result<Vec<Range<usize>>, IngestError> {
    let unclosed = || IngestError::Malformed("its array is not closed; was it cut off?".into());
    let mut found = Vec::new();
    loop {
        let end = at + element_end(&body[at..]).ok_or_else(unclosed)?;
        push(&mut found, body, at..end, rows_max)?;
        at = end + 1;
        if body[end] == b']' {
            break;
        }
    }
    if body[at..].iter().all(u8::is_ascii_whitespace) { Ok(found) } else { Err(IngestError::Malformed("text follows its array".into())) }
}

fn push(found: &mut Vec<Range<usize>>, body: &[u8], range: Range<usize>, rows_max: usize) -> Result<(), IngestError> {
    if body[range.clone()].iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    if found.len() == rows_max {
        return Err(IngestError::TooManyRows(rows_max));
    }
    found.push(range);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str, lines: Lines) -> Vec<String> {
        let found = records(body.as_bytes(), lines, 9);
        found.map(|r| r.into_iter().map(|r| body[r].trim().to_string()).collect()).unwrap_or_else(|e| vec![e.to_string()])
    }

    #[test]
    fn bodies_are_cut_into_records() {
        assert_eq!(texts("[{\"a\":\"],\"}, {\"b\":[1]} ]\n", Lines::Sniffed), ["{\"a\":\"],\"}", "{\"b\":[1]}"]);
        assert_eq!(texts("{\"a\":1}\r\n\n {\"b\":2}", Lines::Sniffed), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(texts("\u{feff}{\n \"a\": {\"b\": 1}\n}\n", Lines::Sniffed), ["{\n \"a\": {\"b\": 1}\n}"]);
        assert_eq!(texts("{\"a\"\n{\"b\":2}", Lines::Yes), ["{\"a\"", "{\"b\":2}"]);
        assert_eq!(texts("[]", Lines::Sniffed), Vec::<String>::new());
        assert_eq!(texts("[1,\n2]", Lines::Sniffed), ["1", "2"]);
    }

    #[test]
    fn what_is_no_list_is_refused_whole() {
        for (body, word) in [("", "empty"), (" \n", "empty"), ("[{\"a\":1}", "not closed"), ("[] x", "follows"), ("data=1", "neither")] {
            let said = texts(body, Lines::Sniffed).join("");
            assert!(said.contains(word), "{body}: {said}");
        }
        let many = "{}\n".repeat(10);
        assert!(texts(&many, Lines::Sniffed)[0].contains("more than 9 rows"));
    }
}
