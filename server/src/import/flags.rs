//! The options of an import, as they come in a query string or with a bulk ingest. They mirror the flags of `eql import`.

use eql_engine::stream::{Format, Received, TimeFormat, delimiter};

/// Options of an import.
#[derive(Debug, PartialEq)]
pub(crate) struct Flags {
    pub(crate) name: String,
    pub(crate) format: Option<Format>,
    pub(crate) map: Vec<(String, String)>,
    pub(crate) ignore: Vec<String>,
    pub(crate) id: Vec<String>,
    pub(crate) received: Received,
    pub(crate) time_zone: chrono_tz::Tz,
    pub(crate) time_formats: Vec<TimeFormat>,
    pub(crate) nulls: Vec<String>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) strict: bool,
    pub(crate) define: bool,
    pub(crate) keep_null: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            name: "upload".to_string(),
            format: None,
            map: Vec::new(),
            ignore: Vec::new(),
            id: Vec::new(),
            received: Received::EventTime,
            time_zone: chrono_tz::UTC,
            time_formats: Vec::new(),
            nulls: Vec::new(),
            delimiter: None,
            strict: false,
            define: false,
            keep_null: false,
        }
    }
}

impl Flags {
    /// Reads all pairs.
    ///
    /// # Errors
    /// What is wrong with the first that is.
    pub(crate) fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Flags, String> {
        let mut flags = Flags::default();
        for (key, value) in pairs {
            flags.take(key, value).map_err(|needed| format!("import option `{key}` = `{value}`: {needed}"))?;
        }
        Ok(flags)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        match key {
            "name" => self.name = file_name(value),
            "format" => self.format = Some(format_of(value).ok_or("parquet, csv or ndjson is needed")?),
            "map" => {
                let (column, property) = value.split_once('=').ok_or("column=property is needed")?;
                self.map.push((column.to_string(), property.to_string()));
            }
            "ignore" => self.ignore.extend(columns(value)),
            "id" => self.id.extend(columns(value)),
            "received" if value == "now" => self.received = Received::Now,
            "received" => self.received = Received::Column(value.to_string()),
            "time_zone" => self.time_zone = value.parse().map_err(|_| "an IANA time zone is needed")?,
            "time_format" => {
                let needed = "a pattern such as %d/%m/%Y %H:%M, or seconds, milliseconds, microseconds or nanoseconds is needed";
                self.time_formats.push(value.parse().map_err(|_| needed)?);
            }
            "null" => self.nulls.push(value.to_string()),
            "delimiter" => self.delimiter = Some(delimiter(value).ok_or("one ASCII character is needed, or tab")?),
            "strict" => self.strict = flag(value)?,
            "define" => self.define = flag(value)?,
            "keep_null" => self.keep_null = flag(value)?,
            _ => {
                return Err(
                    "there are name, format, map, ignore, id, received, time_zone, time_format, null, delimiter, strict, define and keep_null",
                );
            }
        }
        Ok(())
    }
}

fn columns(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|c| c.trim().to_string()).filter(|c| !c.is_empty())
}

fn format_of(name: &str) -> Option<Format> {
    Some(match name {
        "parquet" => Format::Parquet,
        "csv" => Format::Csv,
        "ndjson" => Format::Ndjson,
        _ => return None,
    })
}

fn flag(value: &str) -> Result<bool, &'static str> {
    match value {
        "" | "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("true or false is needed"),
    }
}

/// The last part of a name, without anything that could lead out of our directory. Its extension tells the format.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ')).take(60).collect();
    match kept.trim_matches(['.', ' ']) {
        "" => "upload".to_string(),
        kept => kept.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn flags_are_read_like_those_of_the_command_line() {
        let pairs = [
            ("name", "a/b.csv.gz"),
            ("map", "ts=time"),
            ("map", "ts=day"),
            ("id", "a,b"),
            ("received", "now"),
            ("time_zone", "Europe/Oslo"),
        ];
        let flags = Flags::read(pairs.into_iter().chain([
            ("strict", "true"),
            ("define", "1"),
            ("time_format", "seconds"),
            ("null", "NA"),
            ("ignore", "x, y"),
            ("delimiter", "tab"),
        ]))
        .unwrap();
        assert_eq!(flags.name, "b.csv.gz");
        assert_eq!(flags.map, [("ts".to_string(), "time".to_string()), ("ts".to_string(), "day".to_string())]);
        assert_eq!((flags.id, flags.ignore), (vec!["a".to_string(), "b".into()], vec!["x".to_string(), "y".into()]));
        assert_eq!((flags.received, flags.time_zone), (Received::Now, chrono_tz::Europe::Oslo));
        assert_eq!(
            (flags.time_formats, flags.nulls, flags.delimiter),
            (vec!["seconds".parse().unwrap()], vec!["NA".to_string()], Some(b'\t'))
        );
        assert!(flags.strict && flags.define && !flags.keep_null);
        for wrong in
            [("strict", "perhaps"), ("time_format", "soon"), ("delimiter", "::"), ("nope", "1"), ("map", "x"), ("time_zone", "Mars")]
        {
            assert!(Flags::read([wrong]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_name_stays_inside_the_directory() {
        assert_eq!(file_name("../../etc/passwd"), "passwd");
        assert_eq!(file_name("..\\..\\evil.csv"), "evil.csv");
        assert_eq!(file_name(".."), "upload");
        assert_eq!(file_name("数据.parquet"), "数据.parquet");
        assert_eq!(file_name("a\0b\n.csv"), "ab.csv");
    }
}
