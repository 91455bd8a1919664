//! TLS from a certificate and a key. tonic does its own handshakes; HTTP gets a listener that does them beside accepting, so that a slow client blocks nobody.

use crate::config::Tls;
use crate::serve::ServeError;
use axum::serve::Listener;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use tonic::transport::{Identity, ServerTlsConfig};

/// Handshakes under way at once; more connections wait to be accepted.
const HANDSHAKES: usize = 128;
/// A client that connects and then says nothing.
const PATIENCE: Duration = Duration::from_secs(10);

fn read(path: &Path) -> Result<Vec<u8>, ServeError> {
    std::fs::read(path).map_err(|e| ServeError::Tls { path: path.to_path_buf(), message: e.to_string() })
}

/// For the Flight port.
pub(crate) fn flight(tls: &Tls) -> Result<ServerTlsConfig, ServeError> {
    Ok(ServerTlsConfig::new().identity(Identity::from_pem(read(&tls.cert)?, read(&tls.key)?)).timeout(PATIENCE))
}

/// For the HTTP port.
pub(crate) fn http(tls: &Tls) -> Result<TlsAcceptor, ServeError> {
    let wrong = |path: &Path, message: String| ServeError::Tls { path: path.to_path_buf(), message };
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&read(&tls.cert)?).collect();
    let chain = chain.map_err(|e| wrong(&tls.cert, e.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(&tls.cert, "it holds no certificate".to_string()));
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&tls.key)?).map_err(|e| wrong(&tls.key, e.to_string()))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| wrong(&tls.cert, e.to_string()))?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(|e| wrong(&tls.cert, e.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts connections and gives them out once they are encrypted.
pub(crate) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        Self { listener, acceptor, handshakes: JoinSet::new() }
    }

    fn begin(&mut self, stream: TcpStream, peer: SocketAddr) {
        let acceptor = self.acceptor.clone();
        self.handshakes.spawn(async move {
            let stream = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await.ok()?.ok()?;
            Some((stream, peer))
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, peer) = Listener::accept(&mut self.listener), if self.handshakes.len() < HANDSHAKES => self.begin(stream, peer),
                Some(done) = self.handshakes.join_next(), if !self.handshakes.is_empty() => {
                    if let Ok(Some(ready)) = done {
                        return ready;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
