//! Which form a result takes.

use super::error::Failure;

/// The forms of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Ndjson,
    Csv,
    Arrow,
}

const NAMES: &[(&str, &str, Format)] = &[
    ("json", "application/json", Format::Json),
    ("ndjson", "application/x-ndjson", Format::Ndjson),
    ("csv", "text/csv", Format::Csv),
    ("arrow", "application/vnd.apache.arrow.stream", Format::Arrow),
];

impl Format {
    /// By name if one is given, else by `Accept`, else JSON.
    pub(super) fn choose(name: Option<&str>, accept: Option<&str>) -> Result<Format, Failure> {
        if let Some(name) = name {
            let known = NAMES.iter().find(|(short, media, _)| *short == name || *media == name);
            return known
                .map(|(_, _, f)| *f)
                .ok_or_else(|| Failure::invalid(format!("no format `{name}`: there are json, ndjson, csv and arrow")));
        }
        let offers = accept.unwrap_or_default().split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
        let known = offers.filter_map(|offer| NAMES.iter().find(|(_, media, _)| offer.eq_ignore_ascii_case(media)));
        Ok(known.map(|(_, _, f)| *f).next().unwrap_or(Format::Json))
    }

    pub(super) fn media(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
            Format::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_name_counts_more_than_the_header() {
        assert_eq!(Format::choose(None, None).unwrap(), Format::Json);
        assert_eq!(Format::choose(None, Some("text/html, text/csv;q=0.8, */*")).unwrap(), Format::Csv);
        assert_eq!(Format::choose(None, Some("*/*")).unwrap(), Format::Json);
        assert_eq!(Format::choose(Some("arrow"), Some("text/csv")).unwrap(), Format::Arrow);
        assert!(Format::choose(Some("xml"), None).is_err());
    }
}
