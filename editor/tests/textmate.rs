//! The grammar for editors and the snippets of the VS Code extension against the language itself.

use serde_json::Value;

const TEXTMATE: &str = include_str!("../../clients/vscode/syntaxes/eql.tmLanguage.json");
const SNIPPETS: &str = include_str!("../../clients/vscode/snippets/eql.json");

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}"))
}

/// The words of the rule `name`, lower case.
fn words_of(grammar: &Value, name: &str) -> Vec<String> {
    let rule = grammar["repository"][name].to_string();
    rule.split(|c: char| !c.is_ascii_alphabetic() && c != '_').map(str::to_lowercase).collect()
}

#[test]
fn every_keyword_has_a_colour() {
    let grammar = json(TEXTMATE);
    let coloured: Vec<String> = ["head", "reserved", "soft", "constant", "type"].iter().flat_map(|rule| words_of(&grammar, rule)).collect();
    let units = words_of(&grammar, "length");
    for keyword in eql_grammar::word::keywords() {
        let word = keyword.to_lowercase();
        let known = coloured.contains(&word) || units.iter().any(|u| *u == word || *u == format!("{word}s"));
        assert!(known, "`{keyword}` is missing in clients/vscode/syntaxes/eql.tmLanguage.json");
    }
    for rule in grammar["patterns"].as_array().into_iter().flatten() {
        let name = rule["include"].as_str().unwrap_or_default().trim_start_matches('#');
        assert!(grammar["repository"].get(name).is_some(), "{name}");
    }
}

/// `${1:user}` is `user`.
fn filled(body: &str) -> String {
    let mut text = String::new();
    for (i, piece) in body.split("${").enumerate() {
        let (inside, after) = if i == 0 { ("", piece) } else { piece.split_once('}').unwrap_or((piece, "")) };
        text.push_str(inside.split_once(':').map_or("", |(_, word)| word));
        text.push_str(after);
    }
    text
}

#[test]
fn snippets_are_sound_statements() {
    let schema =
        "DEFINE ENTITY user KEY user_id STRING (); DEFINE EVENT purchase OF user (amount DOUBLE); DEFINE EVENT view_product OF user ();
        DEFINE EVENT register OF user (); DEFINE EVENT ad_click OF user ();";
    let snippets = json(SNIPPETS);
    let all = snippets.as_object().map(|all| all.iter()).into_iter().flatten();
    for (name, snippet) in all {
        let body: Vec<&str> = snippet["body"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let text = filled(&body.join("\n"));
        assert!(!text.contains('$'), "{name}: {text}");
        let schema = if text.starts_with("DEFINE E") { "DEFINE ENTITY customer KEY id STRING ();" } else { schema };
        let text = if text.starts_with("DEFINE EV") { text.replace("user", "customer") } else { text };
        let found = eql_editor::check(&format!("{schema}\n{text}"), eql_editor::Against { lenient: false, ..Default::default() });
        // What only a later version carries out is sound too.
        let wrong: Vec<_> = found.diagnostics.iter().filter(|d| d.is_error() && d.code != "EQL0901").collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}\n{text}");
    }
}
