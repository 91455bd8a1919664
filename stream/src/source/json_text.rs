//! The outermost layer of a JSON text.
//!
//! Numbers are kept exactly and nested values as they are written, which a tree of values would not do.

use crate::limit::JSON_DEPTH;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// A value; what is nested, or a number that no 64 bits hold exactly, stays text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Raw(&'a str),
}

/// The members of an object, in their order.
pub(crate) fn members(text: &str) -> Result<Vec<(Cow<'_, str>, Json<'_>)>, &'static str> {
    let mut scanner = Scanner::new(text);
    let mut found = Vec::with_capacity(16);
    scanner.object(|scanner, name| {
        found.push((name, scanner.value()?));
        Ok(())
    })?;
    scanner.end().map(|()| found)
}

/// The elements of an array.
pub(crate) fn elements(text: &str) -> Result<Vec<Json<'_>>, &'static str> {
    let mut scanner = Scanner::new(text);
    scanner.expect(b'[', "the value is not an array")?;
    let mut found = Vec::new();
    if !scanner.accept(b']') {
        loop {
            found.push(scanner.value()?);
            if scanner.accept(b']') {
                break;
            }
            scanner.expect(b',', "a comma or closing bracket is missing")?;
        }
    }
    scanner.end().map(|()| found)
}

/// Reads a text from left to right.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    /// The object that comes next: `member` is told each name and has to read the value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        self.expect(b'{', "the value is not an object")?;
        if self.accept(b'}') {
            return Ok(());
        }
        loop {
            self.blank();
            let name = self.string()?;
            self.expect(b':', "a colon is missing")?;
            member(self, name)?;
            if self.accept(b'}') {
                return Ok(());
            }
            self.expect(b',', "a comma or closing brace is missing")?;
        }
    }

    /// True when an object comes next.
    pub(crate) fn at_object(&mut self) -> bool {
        self.blank();
        self.byte() == Some(b'{')
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), &'static str> {
        if self.accept(byte) { Ok(()) } else { Err(otherwise) }
    }

    /// Nothing follows.
    pub(crate) fn end(&mut self) -> Result<(), &'static str> {
        self.blank();
        if self.at == self.text.len() { Ok(()) } else { Err("text follows the value") }
    }

    /// The value that comes next.
    pub(crate) fn value(&mut self) -> Result<Json<'a>, &'static str> {
        self.blank();
        match self.byte() {
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'{' | b'[') => self.nested(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err("a value is malformed"),
            None => Err("it ends in the middle"),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, &'static str> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err("a value is malformed")
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, &'static str> {
        if self.byte() != Some(b'"') {
            return Err("a name in quotes is missing");
        }
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        let mut simple = true;
        loop {
            match bytes.get(at) {
                None => return Err("a text is not closed"),
                Some(b'"') => break,
                Some(b'\\') => {
                    simple = false;
                    at += 2;
                }
                Some(b) => {
                    simple &= *b >= 0x20;
                    at += 1;
                }
            }
        }
        self.at = at + 1;
        if simple {
            return Ok(Cow::Borrowed(&self.text[start..at]));
        }
        serde_json::from_str(&self.text[start - 1..=at]).map(Cow::Owned).map_err(|_| "a text has a malformed escape or a control character")
    }

    fn nested(&mut self) -> Result<Json<'a>, &'static str> {
        let rest = &self.text[self.at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {}
            _ => return Err("a nested value is malformed"),
        }
        let raw = &rest[..values.byte_offset()];
        self.at += raw.len();
        if depth(raw) > JSON_DEPTH { Err("values are nested too deeply") } else { Ok(Json::Raw(raw)) }
    }

    fn number(&mut self) -> Result<Json<'a>, &'static str> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).unwrap_or(rest.len());
        let raw = &rest[..length];
        self.at += length;
        if !is_number(raw.as_bytes()) {
            return Err("a number is malformed");
        }
        if let Ok(int) = raw.parse::<i64>() {
            return Ok(Json::Int(int));
        }
        // Up to fifteen digits survive the way through a double.
        if length > 16 || raw.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Ok(Json::Raw(raw));
        }
        raw.parse().map(Json::Double).map_err(|_| "a number is malformed")
    }
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn is_number(raw: &[u8]) -> bool {
    let digits = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = raw.strip_prefix(b"-").unwrap_or(raw);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest[0] == b'0' {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        match digits(fraction) {
            0 => return false,
            n => rest = &fraction[n..],
        }
    }
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        _ => false,
    }
}

/// How deep brackets nest in well-formed JSON.
fn depth(raw: &str) -> usize {
    let (mut depth, mut most, mut quoted, mut escaped) = (0usize, 0, false, false);
    for b in raw.bytes() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                most = most.max(depth);
            }
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_layer_is_read_and_the_rest_kept() {
        let found = members(r#" {"a":1, "b\n":-2.50, "c":{"x":[1, "}"]}, "d":"ü", "e":null, "f":12345678901234567890, "g":true} "#);
        let expected = vec![
            ("a".into(), Json::Int(1)),
            ("b\n".into(), Json::Double(-2.5)),
            ("c".into(), Json::Raw(r#"{"x":[1, "}"]}"#)),
            ("d".into(), Json::Text("ü".into())),
            ("e".into(), Json::Null),
            ("f".into(), Json::Raw("12345678901234567890")),
            ("g".into(), Json::Bool(true)),
        ];
        assert_eq!(found, Ok(expected));
        assert_eq!(members("{}"), Ok(vec![]));
        assert_eq!(elements("[1, null]"), Ok(vec![Json::Int(1), Json::Null]));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in [
            "",
            "{",
            "[1]",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1"#,
            r#"{"a":1}x"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":tru}"#,
            r#"{"a":"x}"#,
        ] {
            assert!(members(bad).is_err(), "{bad}");
        }
        assert!(members(r#"{"a":{"b":[}}"#).is_err());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(members(&deep), Err("values are nested too deeply"));
    }
}
