//! Exit statuses and help.

use crate::driver::Bench;

#[test]
fn help_is_given() {
    let bench = Bench::new();
    let help = bench.run(&["--help"]).done();
    for verb in ["demo", "serve", "query", "shell", "import", "export", "check", "fmt", "explain", "admin"] {
        assert!(help.out.contains(verb), "{verb} is missing: {}", help.out);
        let own = bench.run(&[verb, "--help"]).done();
        assert!(own.out.contains("Example") && own.out.contains(&format!("eql {verb}")), "{}", own.out);
    }
    assert!(bench.run(&["--version"]).done().out.starts_with("eql "));
}

#[test]
fn unusable_arguments_are_status_2() {
    let bench = Bench::new();
    bench.run(&["qurey"]).fails(2, "query");
    bench.run(&["query", "FIND user", "--format", "xml"]).fails(2, "xml");
    bench.run(&["query", "FIND user", "--param", "x"]).fails(2, "name=value");
    bench.run(&["query", "FIND user", "--set", "a b=1"]).fails(2, "no name of a setting");
    bench.run(&["query", "FIND user", "--data", "a", "--url", "http://b"]).fails(2, "--url");
    bench.run(&["query", "FIND user", "--url", "ftp://b"]).fails(2, "http://HOST:PORT");
    bench.run(&["query", "FIND user", "--project", "other"]).fails(2, "one, `default`");
    bench.run(&["export", "user", "-o", "users.what"]).fails(2, "--format");
    bench.run(&["export", "-o", "users.csv"]).fails(2, "TARGET");
    bench.run(&["import", "user", "users.csv", "--time-zone", "Mars/Base"]).fails(2, "Mars/Base");
    bench.run(&[]).fails(2, "");
    assert!(!bench.path("eql-data").exists());
}

#[test]
fn failed_requests_are_status_1() {
    let bench = Bench::new();
    bench.run(&["query", "-f", "absent.eql"]).fails(1, "absent.eql");
    bench.run(&["import", "user", "absent.csv"]).fails(1, "absent.csv");
    bench.run(&["export", "user", "-o", "users.csv"]).fails(1, "there is no data directory");
    bench.run(&["check", "absent.eql"]).fails(1, "absent.eql");
    bench.run(&["query", "SHOW ENTITIES", "--url", "http://127.0.0.1:1"]).fails(1, "cannot talk with");
}

#[test]
fn colour_is_for_terminals() {
    let bench = Bench::new();
    let ran = bench.run(&["query", "FNID user"]).fails(1, "error");
    assert!(!ran.err.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let bench = Bench::new();
    let mut child = bench.command(&["--help"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().is_ok());
}
