//! What a webhook is, as it is asked for and as it is kept.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest name.
const NAME_BYTES_MAX: usize = 128;
/// Attempts where nothing is said: with pauses that double from a second to five minutes, about half an hour.
const ATTEMPTS: u32 = 12;
const ATTEMPTS_MAX: u32 = 100;
const BACKOFF_MS: u64 = 1000;
/// Shortest secret that is taken: 128 bits.
const SECRET_BYTES_MIN: usize = 16;

/// The body of `PUT /v1/webhooks/{name}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    url: String,
    segment: String,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    attempts: Option<u32>,
    #[serde(default)]
    backoff_ms: Option<u64>,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Definition {
    pub(crate) url: String,
    pub(crate) segment: String,
    /// Signs what is sent.
    pub(crate) secret: String,
    pub(crate) attempts: u32,
    pub(crate) backoff_ms: u64,
}

impl Asked {
    /// Checks it; `known` is the one there is, whose secret stays unless another is given.
    pub(crate) fn definition(self, name: &str, allow_private: bool, known: Option<&Definition>) -> Result<Definition, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(plain) {
            return Err(format!("`{name}` is no name: up to {NAME_BYTES_MAX} letters, digits, `-`, `_` and `.`"));
        }
        check_url(&self.url, allow_private)?;
        let secret = match self.secret.or_else(|| known.map(|k| k.secret.clone())) {
            Some(secret) if secret.len() < SECRET_BYTES_MIN => {
                return Err(format!("a secret has at least {SECRET_BYTES_MIN} characters; leave it out and one is made"));
            }
            Some(secret) => secret,
            None => made().ok_or("the system gives no random bytes for a secret")?,
        };
        let attempts = self.attempts.unwrap_or(ATTEMPTS);
        if !(1..=ATTEMPTS_MAX).contains(&attempts) {
            return Err(format!("`attempts` is a number from 1 to {ATTEMPTS_MAX}"));
        }
        let backoff_ms = self.backoff_ms.unwrap_or(BACKOFF_MS).clamp(10, 600_000);
        Ok(Definition { url: self.url, segment: self.segment, secret, attempts, backoff_ms })
    }
}

/// What can be seen without asking who answers to the name: the rest is seen when the connection is made.
fn check_url(url: &str, allow_private: bool) -> Result<(), String> {
    let parsed: ureq::http::Uri = url.parse().map_err(|e| format!("`{url}` is no address: {e}"))?;
    match parsed.scheme_str() {
        Some("https") => {}
        Some("http") if allow_private => {}
        Some("http") => return Err("a webhook goes to an https address; `webhooks.allow_private = true` allows http as well".to_string()),
        _ => return Err(format!("`{url}` is no address: write https://host/path")),
    }
    let authority = parsed.authority().ok_or_else(|| format!("`{url}` names no host"))?;
    if authority.as_str().contains('@') {
        return Err("an address must not hold a name and a password: check the signature instead".to_string());
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse()
        && !allow_private
        && !super::address::is_public(address)
    {
        return Err(format!("{address} is no public address: allow those of the own network with `webhooks.allow_private = true`"));
    }
    Ok(())
}

fn made() -> Option<String> {
    let bytes = crate::auth::random::<32>().ok()?;
    Some(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

impl Definition {
    /// The pause before an attempt (the first is 1): doubled each time, up to five minutes, by chance a half less or more, so that many
    /// webhooks of one receiver do not come back together.
    pub(crate) fn pause(&self, attempt: u32, chance: f64) -> Duration {
        let doubled = self.backoff_ms.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(300_000);
        Duration::from_millis((doubled as f64 * (0.5 + chance)) as u64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(url: &str) -> Asked {
        serde_json::from_value(serde_json::json!({"url": url, "segment": "vip"})).unwrap()
    }

    #[test]
    fn addresses_inside_are_refused_at_once_where_they_can_be_seen() {
        for url in ["http://example.org/x", "https://127.0.0.1/x", "https://[::1]/", "ftp://example.org", "https://a:b@example.org/", "x"] {
            assert!(asked(url).definition("a", false, None).is_err(), "{url}");
        }
        let made = asked("https://example.org/x").definition("a", false, None).unwrap();
        assert_eq!((made.secret.len(), made.attempts), (64, ATTEMPTS));
        assert_eq!(asked("https://example.org/y").definition("a", false, Some(&made)).unwrap().secret, made.secret);
        assert!(asked("http://127.0.0.1:9/x").definition("a", true, None).is_ok());
        assert!(asked("https://example.org/x").definition("a/b", false, None).is_err());
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let one = asked("https://example.org/x").definition("a", false, None).unwrap();
        let pauses: Vec<u128> = (1..12).map(|n| one.pause(n, 0.5).as_millis()).collect();
        assert_eq!(pauses[..4], [1000, 2000, 4000, 8000]);
        assert_eq!(pauses[10], 300_000);
        assert!(one.pause(1, 0.0).as_millis() == 500 && one.pause(1, 1.0).as_millis() == 1500);
    }
}
