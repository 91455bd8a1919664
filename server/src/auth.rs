//! Who may come in. Tokens are compared as SHA-256 digests in constant time, and every configured one is looked at.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;
/// Bytes of randomness in the number of a session.
const SESSION_BYTES: usize = 16;

/// The SHA-256 of a token: what is compared, and what a configuration file may hold instead of the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a token.
    pub fn of(token: &str) -> Digest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Digest(bytes)
    }

    /// Reads a configured token: `sha256:<hex>`, or the token itself.
    ///
    /// # Errors
    /// Words that do not repeat the token.
    pub fn read(configured: &str) -> Result<Digest, String> {
        let Some(hex) = configured.strip_prefix("sha256:") else {
            return if configured.trim().is_empty() { Err("a token must not be empty".to_string()) } else { Ok(Digest::of(configured)) };
        };
        let pairs: Vec<u8> = hex.as_bytes().chunks(2).filter_map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok()).collect();
        let bytes = <[u8; 32]>::try_from(pairs).ok().filter(|_| hex.len() == 64);
        bytes.map(Digest).ok_or_else(|| "after `sha256:` 64 hexadecimal digits are needed".to_string())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A fresh token for `eql admin token`.
///
/// # Errors
/// The system gives no random bytes.
pub fn new_token() -> Result<String, NoRandomness> {
    Ok(format!("eql_{}", URL_SAFE_NO_PAD.encode(random::<TOKEN_BYTES>()?)))
}

/// Keeps the settings of one connection apart from those of others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(String);

impl SessionId {
    /// For tests.
    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self(name.to_string())
    }
}

/// The doorkeeper.
pub(crate) struct Auth {
    tokens: Vec<Digest>,
}

impl Auth {
    /// From configured tokens; entries that cannot be read were refused with the configuration.
    pub(crate) fn new(tokens: &[String]) -> Self {
        Self { tokens: tokens.iter().filter_map(|t| Digest::read(t).ok()).collect() }
    }

    /// True when no token is needed.
    pub(crate) fn open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// True for one of the configured tokens.
    pub(crate) fn knows(&self, token: &str) -> bool {
        let asked = Digest::of(token);
        let hits = self.tokens.iter().fold(0, |hits, known| hits | known.0.ct_eq(&asked.0).unwrap_u8());
        hits == 1
    }

    /// The configured token inside what was presented: the token itself, or a bearer minted for it. Empty when no token is needed.
    pub(crate) fn token<'a>(&self, presented: &'a str) -> Option<&'a str> {
        if self.open() {
            return Some("");
        }
        if self.knows(presented) {
            return Some(presented);
        }
        minted(presented).map(|(_, token)| token).filter(|token| self.knows(token))
    }

    /// Lets a sender in, and says which session it speaks for.
    pub(crate) fn admit(&self, bearer: Option<&str>, peer: Option<SocketAddr>) -> Option<SessionId> {
        let Some(bearer) = bearer else {
            return self.open().then(|| SessionId(format!("peer {peer:?}")));
        };
        self.token(bearer)?;
        Some(SessionId(match minted(bearer) {
            Some((number, _)) if !self.knows(bearer) => format!("session {number}"),
            _ => format!("{} {peer:?}", Digest::of(bearer)),
        }))
    }

    /// The bearer of a new session: its number, a dot, the token. It stays good when the server restarts, and dies with the token.
    pub(crate) fn mint(&self, token: &str) -> Result<String, NoRandomness> {
        let token = if self.open() { "" } else { token };
        Ok(format!("{}.{token}", URL_SAFE_NO_PAD.encode(random::<SESSION_BYTES>()?)))
    }
}

fn minted(bearer: &str) -> Option<(&str, &str)> {
    let (number, token) = bearer.split_once('.')?;
    let bytes = URL_SAFE_NO_PAD.decode(number).ok()?;
    (bytes.len() == SESSION_BYTES).then_some((number, token))
}

/// The token of an `authorization` header: what follows `Bearer`, or the password of `Basic`; None when there is no such header.
pub(crate) fn token_of(header: &str) -> Option<String> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_string());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(rest.trim()).or_else(|_| STANDARD_NO_PAD.decode(rest.trim())).ok()?;
    let pair = String::from_utf8(bytes).ok()?;
    Some(pair.split_once(':').map_or(pair.clone(), |(_, password)| password.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn auth(tokens: &[&str]) -> Auth {
        Auth::new(&tokens.iter().map(|t| (*t).to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn a_token_is_known_as_text_and_as_digest() {
        let digest = Digest::of("beta").to_string();
        let auth = auth(&["alpha", &digest]);
        assert!(auth.knows("alpha") && auth.knows("beta"));
        assert!(!auth.knows("alph") && !auth.knows("") && !auth.knows(&digest));
        assert!(Digest::read("sha256:12").is_err() && Digest::read(" ").is_err());
        assert_eq!(new_token().unwrap().len(), 47);
    }

    #[test]
    fn a_minted_bearer_carries_session_and_token() {
        let auth = auth(&["alpha"]);
        let bearer = auth.mint("alpha").unwrap();
        let other = auth.mint("alpha").unwrap();
        let one = auth.admit(Some(&bearer), None).unwrap();
        assert_eq!(auth.admit(Some(&bearer), "1.2.3.4:5".parse().ok()), Some(one.clone()));
        assert_ne!(auth.admit(Some(&other), None), Some(one));
        assert!(auth.admit(Some(&auth.mint("beta").unwrap()), None).is_none());
        assert!(auth.admit(None, None).is_none());
    }

    #[test]
    fn without_tokens_everybody_is_let_in_and_kept_apart_by_address() {
        let auth = auth(&[]);
        let a = auth.admit(None, "127.0.0.1:1".parse().ok());
        let b = auth.admit(None, "127.0.0.1:2".parse().ok());
        assert!(a.is_some() && a != b);
        assert!(auth.admit(Some("whatever"), None).is_some());
    }

    #[test]
    fn headers_of_both_kinds_are_read() {
        assert_eq!(token_of("Bearer x.y").as_deref(), Some("x.y"));
        assert_eq!(token_of("basic dTpw").as_deref(), Some("p"));
        assert_eq!(token_of("Basic dTpwOnE=").as_deref(), Some("p:q"));
        assert_eq!(token_of("Digest x"), None);
        assert_eq!(token_of("Basic ***"), None);
    }
}
