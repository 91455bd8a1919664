//! Which place an operator chose for the parts.

use crate::StoreError;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use url::Url;

/// Where the event parts are kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum PartsAt {
    /// In the data directory.
    #[default]
    Local,
    /// Elsewhere: one URL for one data directory.
    Url {
        /// `file:///mnt/events`, or `s3://bucket/prefix`.
        url: String,
        /// Of the S3 client, by the names of its AWS_* variables (`region`, `endpoint`, `allow_http`, `access_key_id` …); they stand
        /// above the environment. Never shown.
        options: BTreeMap<String, String>,
    },
}

/// The values of options may be secrets.
impl fmt::Debug for PartsAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartsAt::Local => f.write_str("Local"),
            PartsAt::Url { url, options } => {
                f.debug_struct("Url").field("url", url).field("options", &options.keys().collect::<Vec<_>>()).finish()
            }
        }
    }
}

/// A URL that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Directory(PathBuf),
    Bucket { bucket: String, prefix: String },
}

impl PartsAt {
    /// The URL as it is recorded and compared; None in the data directory.
    pub(super) fn url(&self) -> Option<String> {
        match self {
            PartsAt::Local => None,
            PartsAt::Url { url, .. } => Some(url.trim().trim_end_matches('/').to_string()),
        }
    }
}

/// Understands a URL of a place.
pub(super) fn address(text: &str) -> Result<Address, StoreError> {
    let refuse = |what: &str| StoreError::PartsUrl { url: without_secrets(text), what: what.to_string() };
    let url = Url::parse(text).map_err(|e| refuse(&e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("credentials and options do not belong into it, see `parts` of the configuration"));
    }
    match (url.scheme(), url.host_str()) {
        ("file", None | Some("")) => url.to_file_path().map(Address::Directory).map_err(|()| refuse("it names no directory")),
        ("file", Some(_)) => Err(refuse("a directory of this machine has three slashes: file:///mnt/events")),
        ("s3", Some(bucket)) => Ok(Address::Bucket { bucket: bucket.to_string(), prefix: url.path().trim_matches('/').to_string() }),
        ("s3", None) => Err(refuse("it names no bucket: s3://bucket/prefix")),
        _ => Err(refuse("file:///DIRECTORY and s3://BUCKET/PREFIX are known")),
    }
}

/// What stands before an `@` may be a password.
fn without_secrets(text: &str) -> String {
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    match (shown.split_once("://"), shown.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        (_, Some((_, rest))) => format!("…@{rest}"),
        _ => shown.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_understood_or_refused_without_their_secrets() {
        assert_eq!(address("file:///mnt/events").unwrap(), Address::Directory("/mnt/events".into()));
        let bucket = |prefix: &str| Address::Bucket { bucket: "b".into(), prefix: prefix.into() };
        assert_eq!(address("s3://b/a/c/").unwrap(), bucket("a/c"));
        assert_eq!(address("s3://b").unwrap(), bucket(""));
        for wrong in ["events", "file://mnt/events", "s3:///x", "gs://b/x", "s3://key:hush@b/x", "s3://b/x?secret=hush", "key:hush@b"] {
            let message = address(wrong).unwrap_err().to_string();
            assert!(message.contains("is no place for event parts") && !message.contains("hush"), "{message}");
        }
        let options = BTreeMap::from([("secret_access_key".to_string(), "hush".to_string())]);
        let at = PartsAt::Url { url: "s3://b/x/".to_string(), options };
        assert!(!format!("{at:?}").contains("hush"));
        assert_eq!(at.url().unwrap(), "s3://b/x");
    }
}
