//! Which certificates an https address is believed with.

use crate::failure::Failure;
use std::path::{Path, PathBuf};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Where systems keep the certificates that they trust.
const SYSTEM: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"];

/// TLS with the certificates of a file, or of the system (`SSL_CERT_FILE` says where they are).
pub(crate) fn tls(file: Option<&Path>) -> Result<TlsConfig, Failure> {
    let named = file.map(Path::to_path_buf).or_else(|| std::env::var_os("SSL_CERT_FILE").map(PathBuf::from));
    let found = named.or_else(|| SYSTEM.iter().map(PathBuf::from).find(|path| path.is_file()));
    let path = found.ok_or_else(|| Failure::Failed("this system has no list of certificates: name one with --tls-ca".into()))?;
    let pem = std::fs::read(&path).map_err(|e| Failure::Failed(format!("cannot read {}: {e}", path.display())))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem).filter_map(Result::ok).filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(Failure::Failed(format!("{} holds no certificate", path.display())));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build())
}

fn certificate(item: PemItem<'static>) -> Option<Certificate<'static>> {
    match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    }
}
