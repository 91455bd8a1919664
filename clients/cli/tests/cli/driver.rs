//! Runs the binary.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with a data directory in it.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Two entities, an event.
pub(crate) const SCHEMA: &str = "
DEFINE ENTITY user KEY user_id STRING (city STRING, born DATE, balance DECIMAL(10,2));
DEFINE EVENT purchase OF user (amount DECIMAL(10,2), item STRING);
";

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With [`SCHEMA`] and three users.
    pub(crate) fn with_users() -> Self {
        let bench = Self::new();
        bench.file("schema.eql", SCHEMA);
        bench.file("users.csv", "user_id,city,born,balance\na,Oslo,1990-01-02,1.50\nb,,2000-12-31,\nc,\"Paris, France\",,-3.00\n");
        bench.run(&["query", "-f", "schema.eql"]).done();
        bench.run(&["import", "user", "users.csv"]).done();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A command in the folder, away from the variables of whoever runs the tests.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eql"));
        command.args(arguments).current_dir(self.folder.path());
        for name in ["EQL_DATA", "EQL_TOKEN", "EQL_HTTP", "EQL_FLIGHT", "EQL_CONFIG", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    pub(crate) fn run_with_stdin(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let stdin = stdin.to_string();
        let writer = std::thread::spawn(move || drop(pipe.write_all(stdin.as_bytes())));
        let ran = Ran::of(child.wait_with_output().unwrap());
        writer.join().unwrap();
        ran
    }

    /// The rows of a query as JSON.
    pub(crate) fn rows(&self, text: &str) -> Value {
        self.run(&["query", text, "--format", "json"]).json()["rows"].clone()
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Done, or the test ends here with what was said.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// Failed with this status and these words on stderr.
    #[track_caller]
    pub(crate) fn fails(self, status: i32, words: &str) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.err.contains(words), "`{words}` is missing: {self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let ran = self.done();
        serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
    }
}

/// Where the demo's files are.
pub(crate) fn demo_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/completejourney").join(name)
}
