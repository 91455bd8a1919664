//! Where event parts are kept, as configured.

use super::given::Given;
use eql_engine::PartsAt;
use std::collections::BTreeMap;
use std::fmt;

/// `parts.*`; credentials may stand here or in the AWS_* variables.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// `file:///mnt/events` or `s3://bucket/prefix`; None keeps them in the data directory.
    pub url: Option<String>,
    /// Of the S3 client.
    options: BTreeMap<String, String>,
}

/// Values may be secrets.
impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("at", &self.at()).finish()
    }
}

impl Parts {
    /// As the engine wants it.
    pub fn at(&self) -> PartsAt {
        match &self.url {
            Some(url) => PartsAt::Url { url: url.clone(), options: self.options.clone() },
            None => PartsAt::Local,
        }
    }

    /// An option that is of no use without a URL.
    pub(super) fn useless(&self) -> Option<&str> {
        if self.url.is_some() { None } else { self.options.keys().next().map(String::as_str) }
    }

    /// An empty text is none: containers set variables that way.
    pub(super) fn set_url(&mut self, given: &Given) -> Result<(), String> {
        self.url = Some(given.text()?).filter(|url| !url.trim().is_empty());
        Ok(())
    }

    pub(super) fn set(&mut self, option: &str, value: String) {
        match value.is_empty() {
            true => self.options.remove(option),
            false => self.options.insert(option.to_string(), value),
        };
    }
}
