//! `eql lsp`, spoken to over pipes as an editor does.

use crate::driver::Bench;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// An answer that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(60);

const SCHEMA: &str = "DEFINE ENTITY user KEY user_id STRING (city STRING);\nDEFINE EVENT purchase OF user (amount DOUBLE);\n";

/// An editor with its server.
struct Editor {
    child: Child,
    stdin: Option<ChildStdin>,
    heard: Receiver<Value>,
    next: i64,
}

impl Editor {
    fn new(bench: &Bench, arguments: &[&str]) -> Self {
        let mut command = bench.command(&[&["lsp"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            while let Some(message) = message(&mut reader) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take();
        let mut editor = Self { child, stdin, heard, next: 0 };
        let answer = editor.ask("initialize", json!({ "capabilities": {}, "processId": null, "rootUri": null }));
        assert_eq!(answer["serverInfo"]["name"], "eql");
        editor.tell("initialized", json!({}));
        editor
    }

    fn write(&mut self, message: &Value) {
        let body = message.to_string();
        let stdin = self.stdin.as_mut().unwrap();
        write!(stdin, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        stdin.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The answer, or the error, of a request.
    fn try_ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.next += 1;
        let id = self.next;
        let request = match params {
            Value::Null => json!({ "jsonrpc": "2.0", "id": id, "method": method }),
            params => json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }),
        };
        self.write(&request);
        loop {
            let message = self.heard.recv_timeout(PATIENCE).unwrap();
            if message["id"] == id && message.get("method").is_none() {
                return message.get("error").map_or_else(|| Ok(message["result"].clone()), |e| Err(e.clone()));
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.try_ask(method, params).unwrap()
    }

    /// The next diagnostics of a file.
    fn diagnostics(&mut self, uri: &str) -> Vec<Value> {
        loop {
            let message = self.heard.recv_timeout(PATIENCE).unwrap();
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri {
                return message["params"]["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    fn open(&mut self, uri: &str, text: &str) {
        self.tell("textDocument/didOpen", json!({ "textDocument": { "uri": uri, "languageId": "eql", "version": 1, "text": text } }));
    }

    fn change(&mut self, uri: &str, text: &str) {
        self.tell("textDocument/didChange", json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": text }] }));
    }

    fn at(&mut self, method: &str, uri: &str, line: u32, character: u32) -> Value {
        self.ask(method, json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } }))
    }

    fn end(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.stdin.take();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next message of the server.
fn message(reader: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().strip_prefix("Content-Length: ") {
            Some(n) => length = n.parse().ok()?,
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

fn range(line: u32, from: u32, to: u32) -> Value {
    json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } })
}

fn labels(completion: &Value) -> Vec<String> {
    completion["items"].as_array().unwrap().iter().map(|i| i["label"].as_str().unwrap().to_string()).collect()
}

#[test]
fn diagnostics_follow_the_text_and_can_be_repaired() {
    let mut editor = Editor::new(&Bench::new(), &["--book", "https://example.org/eql/"]);
    let uri = "file:///report.eql";
    editor.open(uri, "DEFINE ENTITY user KEY user_id STRING;\nFIND user WHER user_id = '支'\n  AND user_id == 'x'");
    let found = editor.diagnostics(uri);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((&found[0]["code"], &found[0]["severity"], &found[0]["range"]), (&json!("EQL0103"), &json!(1), &range(1, 10, 14)));
    assert_eq!(found[0]["codeDescription"]["href"], "https://example.org/eql/errors/EQL0103.html");
    assert_eq!(found[1]["range"], range(2, 14, 16));
    let actions = editor.ask(
        "textDocument/codeAction",
        json!({ "textDocument": { "uri": uri }, "range": range(1, 11, 11), "context": { "diagnostics": [] } }),
    );
    assert_eq!(actions.as_array().unwrap().len(), 1, "{actions}");
    assert_eq!(actions[0]["title"], "replace `WHER` by `WHERE`");
    assert_eq!(actions[0]["edit"]["changes"][uri], json!([{ "range": range(1, 10, 14), "newText": "WHERE" }]));
    editor.change(uri, "DEFINE ENTITY user KEY user_id STRING;\nFIND user WHERE user_id = '支'");
    assert_eq!(editor.diagnostics(uri), Vec::<Value>::new());
    // Without names from elsewhere, an unknown one is a warning.
    editor.change(uri, "FIND customer");
    assert_eq!(editor.diagnostics(uri)[0]["severity"], 2);
    editor.end();
}

#[test]
fn open_files_know_each_other() {
    let mut editor = Editor::new(&Bench::new(), &[]);
    let (schema, report) = ("file:///schema.eql", "file:///report.eql");
    editor.open(report, "-- 支\nFIND user WHERE DID pur AND ci");
    assert!(editor.diagnostics(report).iter().any(|d| d["severity"] == 2));
    editor.open(schema, SCHEMA);
    let labels_at = |editor: &mut Editor, character| labels(&editor.at("textDocument/completion", report, 1, character));
    assert_eq!(labels_at(&mut editor, 23), ["purchase"]);
    assert_eq!(labels_at(&mut editor, 30)[0], "city");
    editor.change(report, "FIND user WHERE DID purchase");
    assert!(editor.at("textDocument/hover", report, 0, 24)["contents"]["value"].as_str().unwrap().contains("DEFINE EVENT purchase"));
    let defined = editor.at("textDocument/definition", report, 0, 24);
    assert_eq!(defined, json!({ "uri": schema, "range": range(1, 13, 21) }));
    let renamed = editor.ask(
        "textDocument/rename",
        json!({ "textDocument": { "uri": report }, "position": { "line": 0, "character": 24 }, "newName": "big buy" }),
    );
    assert_eq!(renamed["changes"][report], json!([{ "range": range(0, 20, 28), "newText": "`big buy`" }]));
    assert_eq!(renamed["changes"][schema], json!([{ "range": range(1, 13, 21), "newText": "`big buy`" }]));
    let place = json!({ "textDocument": { "uri": report }, "position": { "line": 0, "character": 24 } });
    assert_eq!(editor.ask("textDocument/prepareRename", place)["placeholder"], "purchase");
    let keyword = json!({ "textDocument": { "uri": report }, "position": { "line": 0, "character": 1 } });
    assert!(editor.try_ask("textDocument/prepareRename", keyword).is_err());
    editor.end();
}

#[test]
fn texts_are_formatted_and_outlined() {
    let mut editor = Editor::new(&Bench::new(), &[]);
    let uri = "file:///a.eql";
    editor.open(uri, "-- kept\nfind user where city='x'");
    let edits =
        editor.ask("textDocument/formatting", json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 2, "insertSpaces": true } }));
    assert_eq!(edits[0]["newText"], "-- kept\nFIND user WHERE city = 'x';\n");
    editor.change(uri, SCHEMA);
    let symbols = editor.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
    assert_eq!((&symbols[0]["name"], &symbols[1]["children"][0]["name"]), (&json!("user"), &json!("amount")));
    editor.end();
}

#[test]
fn names_come_from_a_data_directory_that_stays_free() {
    let bench = Bench::with_users();
    let mut editor = Editor::new(&bench, &["--data", "eql-data"]);
    let uri = "file:///a.eql";
    editor.open(uri, "FIND user WHERE ba");
    assert_eq!(labels(&editor.at("textDocument/completion", uri, 0, 18))[0], "balance");
    editor.change(uri, "FIND customer");
    // With names from elsewhere, an unknown one is an error.
    while editor.diagnostics(uri).iter().all(|d| d["severity"] != 1) {}
    bench.run(&["query", "DEFINE ENTITY customer KEY customer_id STRING"]).done();
    editor.ask("workspace/executeCommand", json!({ "command": "eql.readNames", "arguments": [] }));
    editor.change(uri, "FIND customer ");
    while !editor.diagnostics(uri).is_empty() {}
    editor.end();
}

#[test]
fn a_place_that_cannot_be_read_is_said_and_the_help_goes_on() {
    let mut editor = Editor::new(&Bench::new(), &["--data", "nowhere"]);
    let said = loop {
        let message = editor.heard.recv_timeout(PATIENCE).unwrap();
        if message["method"] == "window/showMessage" {
            break message["params"]["message"].as_str().unwrap().to_string();
        }
    };
    assert!(said.contains("no data directory"), "{said}");
    let uri = "file:///a.eql";
    editor.open(uri, "FUN");
    assert_eq!(labels(&editor.at("textDocument/completion", uri, 0, 3))[0], "FUNNEL");
    editor.end();
}
