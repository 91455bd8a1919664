//! The commands that begin with a backslash.

use crate::output::Format;
use clap::ValueEnum;

/// What `\?` prints.
pub(crate) const HELP: &str = "\
  FIND user WHERE …;     a statement ends with `;` and may take several lines
  \\d                     everything that has a name
  \\d NAME                one entity, event, segment, … in full
  \\timing                say how long each statement takes, or stop saying it
  \\format FORMAT         table, csv, json or ndjson
  \\q                     leave (also Ctrl-D)
  Tab completes keywords and names, Ctrl-C stops a running statement, arrow keys and Ctrl-R find earlier lines";

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Quit,
    Timing,
    Format(Format),
    Describe(Option<String>),
}

impl Command {
    /// Reads a line that begins with a backslash.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.trim().trim_end_matches(';').splitn(2, char::is_whitespace);
        let word = words.next().unwrap_or_default();
        let argument = words.next().map(str::trim).filter(|a| !a.is_empty());
        match (word, argument) {
            ("\\?" | "\\h" | "\\help", _) => Ok(Command::Help),
            ("\\q" | "\\quit" | "\\exit", _) => Ok(Command::Quit),
            ("\\timing", _) => Ok(Command::Timing),
            ("\\d", name) => Ok(Command::Describe(name.map(str::to_string))),
            ("\\format", Some(name)) => match Format::from_str(name, true) {
                Ok(format) if !format.is_binary() => Ok(Command::Format(format)),
                _ => Err(format!("no format `{name}` here: table, csv, json or ndjson")),
            },
            ("\\format", None) => Err("say which: table, csv, json or ndjson".into()),
            _ => Err(format!("no command `{word}`: \\? lists them")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        assert_eq!(Command::parse("\\d"), Ok(Command::Describe(None)));
        assert_eq!(Command::parse("\\d  user ;"), Ok(Command::Describe(Some("user".into()))));
        assert_eq!(Command::parse("\\format JSON"), Ok(Command::Format(Format::Json)));
        assert!(Command::parse("\\format parquet").is_err());
        assert!(Command::parse("\\x").is_err());
    }
}
