//! An S3-compatible server of the test's own: speaks the protocol on 127.0.0.1, checks signatures, keeps objects as files.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder as Connections;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub const BUCKET: &str = "events";
pub const ACCESS_KEY: &str = "AKIATEST";
pub const SECRET_KEY: &str = "hush-this-is-secret";

pub struct Server {
    root: PathBuf,
    address: SocketAddr,
    /// None while it is down.
    runtime: Option<Runtime>,
}

impl Server {
    pub fn start(root: &Path) -> Server {
        std::fs::create_dir_all(root.join(BUCKET)).unwrap();
        let mut server = Server { root: root.to_path_buf(), address: SocketAddr::from(([127, 0, 0, 1], 0)), runtime: None };
        server.up();
        server
    }

    /// Listens on the port it had before.
    pub fn up(&mut self) {
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(&self.root).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind(self.address)).unwrap();
        self.address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, builder.build()));
        self.runtime = Some(runtime);
    }

    /// Every connection is cut.
    pub fn down(&mut self) {
        self.runtime.take().unwrap().shutdown_timeout(std::time::Duration::from_secs(5));
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the objects of the bucket lie.
    pub fn objects(&self) -> PathBuf {
        self.root.join(BUCKET)
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    let connections = Connections::new(TokioExecutor::new());
    while let Ok((socket, _)) = listener.accept().await {
        let connection = connections.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
        tokio::spawn(async move { _ = connection.await });
    }
}
