//! One attempt: a body, signed, to an address.

use super::Definition;
use super::address::Guarded;
use ring::hmac;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::config::Config;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;

/// A receiver answers sooner, or is tried again.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Where systems keep the certificates that they trust.
const SYSTEM: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"];

/// What goes out.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) text: String,
    /// The same for the same changes, however often they are sent.
    pub(super) key: String,
}

/// An agent that reaches public addresses only, follows no redirects and knows no proxy.
pub(super) fn agent(allow_private: bool, timeout: Duration) -> ureq::Agent {
    let mut config: ureq::config::ConfigBuilder<_> = Config::builder();
    config = config.http_status_as_error(false).max_redirects(0).proxy(None).timeout_global(Some(timeout));
    if let Some(roots) = roots() {
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    ureq::Agent::with_parts(config.build(), DefaultConnector::default(), Guarded { allow_private })
}

/// The certificates that the system trusts; `SSL_CERT_FILE` says where they are.
fn roots() -> Option<RootCerts> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let path = named.or_else(|| SYSTEM.iter().map(PathBuf::from).find(|path| path.is_file()))?;
    let pem = std::fs::read(path).ok()?;
    let certificate = |item| if let PemItem::Certificate(certificate) = item { Some(certificate) } else { None };
    let all: Vec<Certificate<'static>> = parse_pem(&pem).filter_map(Result::ok).filter_map(certificate).collect();
    Some(RootCerts::new_with_certs(&all))
}

/// Sends a body once. Blocks. What went wrong is said in words for the dead-letter list.
pub(super) fn send(agent: &ureq::Agent, name: &str, to: &Definition, body: &Body) -> Result<(), String> {
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let request = agent
        .post(&to.url)
        .header("content-type", "application/json")
        .header("user-agent", concat!("eql/", env!("CARGO_PKG_VERSION")))
        .header("eql-webhook", name)
        .header("eql-timestamp", timestamp.to_string())
        .header("eql-signature", format!("v1={}", signature(&to.secret, timestamp, &body.text)))
        .header("idempotency-key", body.key.as_str());
    let answer = request.send(body.text.as_str()).map_err(|e| e.to_string())?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status if status.is_redirection() => Err(format!("it answers {status}: redirects are not followed, name the address itself")),
        status => Err(format!("it answers {status}")),
    }
}

/// HMAC-SHA256 of the timestamp, a dot and the body, in hexadecimal digits.
pub(super) fn signature(secret: &str, timestamp: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    tag.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_openssl() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let expected = "9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23";
        assert_eq!(signature("0123456789abcdef", 1_700_000_000, "{\"a\":1}"), expected);
    }
}
