//! `eql serve`, and the same verbs asking a server.

use crate::driver::Bench;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

pub(crate) struct Served {
    child: Child,
    pub(crate) http: String,
}

impl Served {
    pub(crate) fn start(bench: &Bench) -> Self {
        Self::start_with(bench, &[])
    }

    /// With variables of configuration.
    pub(crate) fn start_with(bench: &Bench, variables: &[(&str, &str)]) -> Self {
        let arguments = ["serve", "--http", "127.0.0.1:0", "--flight", "127.0.0.1:0", "--log", "error"];
        let mut child =
            bench.command(&arguments).envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said: Vec<String> = lines.take(2).collect();
        assert!(said[0].starts_with("flight  grpc://127.0.0.1:"), "{said:?}");
        let http = said[1].strip_prefix("http    ").unwrap_or_else(|| panic!("{said:?}")).to_string();
        Self { child, http }
    }

    pub(crate) fn terminate(mut self) -> bool {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_answers_as_the_directory_does() {
    let bench = Bench::with_users();
    let queries =
        ["FIND user SHOW user_id, city, born, balance ORDER BY user_id", "SHOW ENTITIES", "SET time_zone = 'Europe/Oslo'; SELECT 1 AS one"];
    let formats = ["table", "csv", "ndjson"];
    let all = || queries.iter().flat_map(|q| formats.iter().map(move |f| (*q, *f)));
    let here: Vec<_> = all().map(|(q, f)| bench.run(&["query", q, "--format", f]).done().out).collect();
    let columns = bench.run(&["query", queries[0], "--format", "json"]).json()["columns"].clone();
    let served = Served::start(&bench);
    let there: Vec<_> = all().map(|(q, f)| bench.run(&["query", q, "--format", f, "--url", &served.http]).done().out).collect();
    assert_eq!(there, here);
    assert_eq!(bench.run(&["query", queries[0], "--format", "json", "--url", &served.http]).json()["columns"], columns);
    let wrong = bench.run(&["query", "SET time_zone = 'UTC';\nFIND usr", "--url", &served.http]).fails(1, "usr");
    assert!(wrong.err.contains("2 |") && wrong.err.contains('^'), "{}", wrong.err);
    bench.run(&["query", "FIND user"]).fails(1, "eql-data");
    assert!(served.terminate());
    bench.run(&["query", "FIND user"]).done();
}

#[test]
fn files_can_be_sent_to_a_server() {
    let bench = Bench::with_users();
    bench.file("more.csv", "id,city\nz,Rome\n");
    let served = Served::start(&bench);
    let ran = bench.run(&["import", "user", "more.csv", "--map", "id=user_id", "--url", &served.http]).done();
    assert!(ran.out.contains("1 accepted"), "{}", ran.out);
    let rows = bench.run(&["query", "FIND user WHERE city = 'Rome' SHOW user_id", "--format", "csv", "--url", &served.http]).done();
    assert_eq!(rows.out, "user_id\nz\n");
    let shell = bench.run_with_stdin(&["shell", "--url", &served.http], "\\d user\n").done();
    assert!(shell.out.contains("city"), "{}", shell.out);
}

#[test]
fn unsafe_configurations_are_refused() {
    let bench = Bench::new();
    bench.run(&["serve", "--http", "0.0.0.0:0"]).fails(2, "no token");
    bench.run(&["serve", "--running", "none"]).fails(2, "whole number");
    bench.run(&["serve", "--config", "absent.toml"]).fails(2, "absent.toml");
}
