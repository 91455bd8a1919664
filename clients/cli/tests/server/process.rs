//! A server as a process of its own, and calls to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) const DEFINE: &str = "DEFINE ENTITY user KEY user_id INT (city STRING); DEFINE EVENT visit OF user (page STRING)";

fn eql() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_eql"));
    c.stdin(Stdio::null()).env_remove("EQL_DATA");
    c
}

pub(crate) fn run(data: &Path, args: &[&str]) -> String {
    let out = eql().args(args).arg("--data").arg(data).output().expect("eql starts");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A server that is killed at the latest when the test ends, however it ends.
pub(crate) struct Server(Child);

impl Server {
    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("kill -9");
        self.0.wait().expect("it is gone");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server and its HTTP address.
pub(crate) fn serve(data: &Path) -> (Server, String) {
    listening(&mut eql(), data)
}

/// Where a server listens.
pub(crate) struct Addresses {
    pub(crate) http: String,
    pub(crate) flight: String,
}

/// A server that webhooks may reach this machine from, and both its addresses.
pub(crate) fn serve_at(data: &Path) -> (Server, Addresses) {
    let (server, addresses) = started(eql().env("EQL_WEBHOOKS_ALLOW_PRIVATE", "true"), data);
    (server, addresses)
}

/// The same below limits of the shell: what `before` says holds for the server.
pub(crate) fn serve_within(before: &str, data: &Path) -> (Server, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_eql")]).stdin(Stdio::null()).env_remove("EQL_DATA");
    listening(&mut shell, data)
}

fn listening(command: &mut Command, data: &Path) -> (Server, String) {
    let (server, addresses) = started(command, data);
    (server, addresses.http)
}

fn started(command: &mut Command, data: &Path) -> (Server, Addresses) {
    let mut child = command
        .args(["serve", "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("eql starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut of =
        |scheme: &str| lines.find_map(|line| Some(line.ok()?.split_once(scheme)?.1.trim_end_matches('/').to_string())).expect("an address");
    let (flight, http) = (of("grpc://"), of("http://"));
    (Server(child), Addresses { http, flight })
}

/// One call on a connection that stays open; None when the server is gone or refuses.
pub(crate) fn post(stream: &mut TcpStream, body: &str) -> Option<serde_json::Value> {
    answered(stream, body).filter(|(status, _)| *status == 200).map(|(_, answer)| answer)
}

/// The same with the status; None when the server is gone.
pub(crate) fn answered(stream: &mut TcpStream, body: &str) -> Option<(u16, serde_json::Value)> {
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.split_once("content-length:")?.1.split("\r\n").next()?.trim().parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, serde_json::from_slice(&body).ok()?))
}

/// How often each id is there.
pub(crate) fn stored(data: &Path) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in run(data, &["query", "SELECT event_id FROM visit", "--format", "ndjson"]).lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        *found.entry(row["event_id"].as_str().expect("an id").to_string()).or_default() += 1;
    }
    found
}
