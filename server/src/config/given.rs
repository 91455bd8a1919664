//! One configured value, and how it is read. Variables and flags are texts, so every kind reads texts too.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use toml::Value;

pub(super) struct Given {
    value: Value,
    /// For messages.
    pub(super) place: String,
}

impl Given {
    pub(super) fn new(value: Value, place: &str) -> Self {
        Self { value, place: place.to_string() }
    }

    pub(super) fn text(&self) -> Result<String, String> {
        self.value.as_str().map(str::to_string).ok_or_else(|| self.needs("a text"))
    }

    /// A text that never stands in a message.
    pub(super) fn secret(&self) -> Result<String, String> {
        self.value.as_str().map(str::to_string).ok_or_else(|| "a text is needed".to_string())
    }

    pub(super) fn path(&self) -> Result<PathBuf, String> {
        let text = self.text()?;
        if text.is_empty() { Err(self.needs("a path")) } else { Ok(PathBuf::from(text)) }
    }

    /// `HOST:PORT`; a name is looked up now, so that a typing error is found now.
    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        let text = self.text()?;
        let mut found = text.to_socket_addrs().map_err(|_| self.needs("HOST:PORT, such as 127.0.0.1:8080,"))?;
        found.next().ok_or_else(|| format!("no address is known for {text}"))
    }

    pub(super) fn flag(&self) -> Result<bool, String> {
        match (&self.value, self.value.as_str()) {
            (Value::Boolean(flag), _) => Ok(*flag),
            (_, Some("true" | "1" | "yes" | "on")) => Ok(true),
            (_, Some("false" | "0" | "no" | "off")) => Ok(false),
            _ => Err(self.needs("true or false")),
        }
    }

    pub(super) fn count(&self) -> Result<u64, String> {
        let number = match &self.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.needs("a whole number"))
    }

    /// How many of something there may be: at least one.
    pub(super) fn places(&self) -> Result<usize, String> {
        let number = usize::try_from(self.count()?).unwrap_or(usize::MAX);
        if number == 0 { Err(self.needs("at least 1")) } else { Ok(number) }
    }

    /// A number of bytes, or `512 MiB`.
    pub(super) fn bytes(&self) -> Result<u64, String> {
        let Value::String(text) = &self.value else { return self.count() };
        let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = text.trim()[digits.len()..].to_ascii_lowercase();
        let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return Err(self.needs("a number of bytes, such as 512 MiB,")),
        };
        let number: Option<u64> = digits.trim().parse().ok();
        number.and_then(|n| n.checked_mul(1 << shift)).ok_or_else(|| self.needs("a number of bytes, such as 512 MiB,"))
    }

    /// Tokens as a list, or one text with commas. The values never stand in a message.
    pub(super) fn tokens(&self) -> Result<Vec<String>, String> {
        let tokens: Option<Vec<String>> = match &self.value {
            Value::String(text) => Some(text.split(',').map(|t| t.trim().to_string()).collect()),
            Value::Array(values) => values.iter().map(|v| v.as_str().map(str::to_string)).collect(),
            _ => None,
        };
        let tokens = tokens.ok_or("a list of texts is needed")?;
        match tokens.iter().find_map(|t| crate::auth::Digest::read(t).err()) {
            Some(message) => Err(message),
            None => Ok(tokens),
        }
    }

    fn needs(&self, what: &str) -> String {
        format!("{what} is needed, not {}", self.value)
    }
}
