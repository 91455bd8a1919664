//! Pictures of what is wrong with a text, as they stand in a fixture, and the text with all repairs done.

use eql_grammar::{Diagnostic, render};

/// The fixture with its answers computed anew: what stands in a `text` block is the answer to the `eql` block before it. `ask` says what is wrong
/// with a text.
fn answered(cases: &str, ask: &dyn Fn(&str) -> Vec<Diagnostic>) -> String {
    let mut out = String::new();
    for case in cases.split_inclusive("\n### ") {
        let Some((question, rest)) = case.split_once("```eql\n") else {
            out.push_str(case);
            continue;
        };
        let (eql, after) = rest.split_once("\n```\n").expect("a closed block");
        let tail = after.rsplit_once("```\n").map_or("", |(_, tail)| tail);
        out.push_str(&format!("{question}```eql\n{eql}\n```\n\n```text\n{}```\n{tail}", picture(eql, ask)));
    }
    out
}

/// Holds a fixture against its answers, or with `BLESS=1` writes them.
pub(crate) fn hold(file: &str, ask: &dyn Fn(&str) -> Vec<Diagnostic>) {
    let wanted = std::fs::read_to_string(file).expect("the fixture is there");
    let found = answered(&wanted, ask);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, &found).expect("the fixture can be written");
        return;
    }
    assert_eq!(found, wanted, "pictures changed: run with BLESS=1 and read the difference");
}

/// The texts of a fixture.
pub(crate) fn texts(cases: &str) -> impl Iterator<Item = &str> {
    cases.split("```eql\n").skip(1).filter_map(|rest| rest.split("\n```").next())
}

fn picture(eql: &str, ask: &dyn Fn(&str) -> Vec<Diagnostic>) -> String {
    let found = ask(eql);
    let mut drawn: String = found.iter().map(|d| render(d, eql, false)).collect();
    let mended = mend(eql, &found);
    if mended != eql {
        let verdict = match ask(&mended).first() {
            None => "which is right".to_string(),
            Some(first) => format!("of which is said: {}", first.message),
        };
        drawn.push_str(&format!("mended, {verdict}:\n  {}\n", mended.trim_end().replace('\n', "\n  ")));
    }
    if found.is_empty() {
        drawn.push_str("nothing is wrong\n");
    }
    drawn
}

/// The text with all repairs done, from the last to the first.
fn mend(eql: &str, diagnostics: &[Diagnostic]) -> String {
    let mut fixes: Vec<_> = diagnostics.iter().filter_map(|d| d.fix.as_ref()).collect();
    fixes.sort_by_key(|fix| std::cmp::Reverse(fix.span.start));
    let mut mended = eql.to_owned();
    for fix in fixes {
        mended.replace_range(fix.span.start..fix.span.end, &fix.text);
    }
    mended
}
