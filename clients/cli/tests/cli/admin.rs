//! `eql admin`.

use crate::driver::Bench;
use crate::serve::Served;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A file of the data directory whose name ends like this.
fn find(dir: &Path, end: &str) -> PathBuf {
    let mut open = vec![dir.to_path_buf()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
        } else if path.to_string_lossy().ends_with(end) {
            return path;
        }
    }
    panic!("no file ends with {end}")
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    // Backups share their bytes with the data directory: this one gets its own.
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn damage_is_found_and_named() {
    let bench = Bench::with_users();
    let sound = bench.run(&["admin", "verify"]).done();
    assert!(sound.out.starts_with("no damage: ") && sound.out.contains("position 3"), "{}", sound.out);
    let report = bench.run(&["admin", "verify", "--format", "json"]).json();
    assert_eq!((&report["damaged"], &report["problems"], &report["packed_rows"]), (&json!(0), &json!([]), &json!(3)));
    let manifest = bench.path("eql-data").join("manifest.json");
    damage(&manifest);
    let ran = bench.run(&["admin", "verify"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.out.contains("damaged     manifest.json at byte") && ran.out.contains("1 problem: "), "{}", ran.out);
    bench.run(&["admin", "verify", "--data", "absent"]).fails(1, "absent does not exist");
    bench.run(&["admin", "verify", "--data", "."]).fails(1, "is no data directory");
    bench.run(&["admin"]).fails(2, "eql admin");
    bench.run(&["admin", "verify", "--data", "a", "--url", "http://b"]).fails(2, "--url");
}

#[test]
fn a_backup_comes_back() {
    let bench = Bench::with_users();
    let before = bench.rows("FIND user SHOW user_id, city ORDER BY user_id");
    let ran = bench.run(&["admin", "backup", "monday"]).done();
    assert!(ran.out.contains("position 3"), "{}", ran.out);
    bench.run(&["admin", "backup", "monday"]).fails(1, "monday is not empty");
    bench.run(&["query", "FIND user", "--data", "monday"]).fails(1, "is a backup");
    bench.run(&["query", "DROP ENTITY user CASCADE"]);
    let report = bench.run(&["admin", "restore", "monday", "--data", "tuesday", "--format", "json"]).json();
    assert_eq!(report["position"], 3);
    let after = bench.run(&["query", "FIND user SHOW user_id, city ORDER BY user_id", "--data", "tuesday", "--format", "json"]).json();
    assert_eq!(after["rows"], before);
    bench.run(&["admin", "restore", "monday", "--data", "tuesday"]).fails(1, "tuesday is not empty");
    bench.run(&["admin", "restore", "monday", "--data", "wednesday", "--position", "99"]).fails(1, "positions");
    bench.run(&["admin", "restore", "tuesday", "--data", "wednesday"]).fails(1, "is no backup");
    assert!(!bench.path("wednesday").exists());
    damage(&find(&bench.path("monday"), "manifest.json"));
    bench.run(&["admin", "restore", "monday", "--data", "wednesday"]).fails(1, "manifest.json is damaged");
    bench.run(&["admin", "verify", "--data", "monday"]).fails(1, "");
    assert_eq!(bench.run(&["admin", "verify", "--data", "tuesday", "--format", "json"]).json()["damaged"], 0);
}

#[test]
fn a_running_server_looks_after_its_own() {
    let bench = Bench::with_users();
    std::fs::create_dir(bench.path("backups")).unwrap();
    let root = bench.path("backups").display().to_string();
    let served = Served::start_with(&bench, &[("EQL_BACKUP_DIR", &root)]);
    bench.run(&["admin", "verify"]).fails(1, "is in use by process");
    let report = bench.run(&["admin", "verify", "--url", &served.http, "--format", "json"]).json();
    assert_eq!((&report["damaged"], &report["position"]), (&json!(0), &json!(3)));
    let ran = bench.run(&["admin", "backup", "monday", "--url", &served.http]).done();
    assert!(ran.out.contains("position 3"), "{}", ran.out);
    bench.run(&["admin", "backup", "../monday", "--url", &served.http]).fails(1, "below `backup_dir`");
    bench.run(&["admin", "verify", "--data", "backups/monday"]).done();
    assert!(served.terminate());
}

#[test]
fn a_token_lets_in_and_only_its_digest_is_kept() {
    let bench = Bench::with_users();
    let ran = bench.run(&["admin", "token", "create"]).done();
    let token = ran.out.trim();
    assert!(token.starts_with("eql_") && token.len() == 47 && !ran.err.contains(token), "{ran:?}");
    let line = ran.err.lines().find(|l| l.starts_with("tokens = ")).unwrap();
    bench.file("eql.toml", line);
    let served = Served::start(&bench);
    bench.run(&["query", "SHOW ENTITIES", "--url", &served.http]).fails(1, "a token is needed");
    bench.run(&["query", "SHOW ENTITIES", "--url", &served.http, "--token", token]).done();
}

#[test]
fn the_present_format_is_current() {
    let bench = Bench::with_users();
    let ran = bench.run(&["admin", "upgrade"]).done();
    assert_eq!(ran.out, "eql-data: format 1 is current\n");
    std::fs::write(bench.path("eql-data").join("format"), "9\n").unwrap();
    for verb in ["upgrade", "verify"] {
        bench.run(&["admin", verb]).fails(1, "has format 9");
    }
}

/// True when the bytes are in a file of the directory.
fn somewhere(dir: &Path, wanted: &[u8]) -> bool {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let holds = |path: &Path| std::fs::read(path).unwrap().windows(wanted.len()).any(|w| w == wanted);
    entries.into_iter().any(|path| if path.is_dir() { somewhere(&path, wanted) } else { holds(&path) })
}

#[test]
fn who_is_erased_is_gone_from_answers_and_from_files() {
    let bench = Bench::with_users();
    bench.file("more.csv", "user_id,city\nerase-me-please,Timbuktu-by-the-sea\n");
    bench.run(&["import", "user", "more.csv"]).done();
    bench.file("bought.csv", "user_id,time,amount,item\nerase-me-please,2024-01-02,3.00,a-very-private-item\na,2024-01-02,1.00,tea\n");
    bench.run(&["import", "purchase", "bought.csv"]).done();
    bench.run(&["admin", "erase", "user", "a"]).fails(2, "--yes");
    bench.run(&["admin", "erase", "usr", "a", "--yes"]).fails(1, "usr");
    let ran = bench.run(&["admin", "erase", "user", "erase-me-please", "nobody", "--yes"]).done();
    assert!(ran.out.contains("erased   user erase-me-please") && ran.out.contains("unknown  user nobody"), "{}", ran.out);
    assert_eq!(bench.rows("FIND user SHOW user_id ORDER BY user_id"), json!([["a"], ["b"], ["c"]]));
    assert_eq!(bench.rows("SELECT item FROM purchase"), json!([["tea"]]));
    bench.run(&["admin", "compact"]).done();
    for secret in ["erase-me-please", "Timbuktu-by-the-sea", "a-very-private-item"] {
        assert!(!somewhere(&bench.path("eql-data"), secret.as_bytes()), "{secret} is still in a file");
    }
    bench.run(&["admin", "compact", "--due"]).done();
    bench.run(&["admin", "verify"]).done();
    assert_eq!(bench.rows("SELECT item FROM purchase"), json!([["tea"]]));
}
