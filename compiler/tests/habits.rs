//! Habits of other languages, `fixtures/habits.md`: each brings the picture that stands there, from the grammar or from the compiler.
//!
//! `BLESS=1 cargo test -p eql-compiler` rewrites the pictures; read the difference as code.

use eql_catalog::{Catalog, WeekStart};
use eql_compiler::bound::Statement;
use eql_compiler::{Context, ParamValues, bind};
use eql_grammar::{Diagnostic, parse, render};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/habits.md");

#[test]
fn every_habit_brings_its_picture() {
    let wanted = std::fs::read_to_string(FILE).expect("the fixture is there");
    let found = answered(&wanted);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(FILE, &found).expect("the fixture can be written");
        return;
    }
    assert_eq!(found, wanted, "pictures changed: run with BLESS=1 and read the difference");
}

/// The fixture with its answers computed anew: what stands in a `text` block is the answer to the `eql` block before it.
fn answered(cases: &str) -> String {
    let catalog = catalog(setup(cases));
    let mut out = String::new();
    for case in cases.split_inclusive("\n### ") {
        let Some((question, rest)) = case.split_once("```eql\n") else {
            out.push_str(case);
            continue;
        };
        let (eql, after) = rest.split_once("\n```\n").expect("a closed block");
        let tail = after.rsplit_once("```\n").map_or("", |(_, tail)| tail);
        out.push_str(&format!("{question}```eql\n{eql}\n```\n\n```text\n{}```\n{tail}", picture(&catalog, eql)));
    }
    out
}

fn setup(cases: &str) -> &str {
    cases.split("```eql setup\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a setup")
}

fn catalog(text: &str) -> Catalog {
    let mut catalog = Catalog::default();
    for statement in parse(text).statements {
        let bound = bind(text, &statement.expect("the setup parses"), &context(&catalog, &ParamValues::new()));
        let Some(Statement::Change(change, _)) = bound.statement else { panic!("{:?}", bound.diagnostics) };
        catalog = catalog.apply(&change).expect("it applies");
    }
    catalog
}

fn context<'a>(catalog: &'a Catalog, params: &'a ParamValues) -> Context<'a> {
    Context { catalog, params, time_zone: "UTC", week_start: WeekStart::Monday, lenient: false, check: true }
}

/// All that is wrong with a text: what the grammar says, and what the compiler says of the statements that parse.
fn diagnostics(catalog: &Catalog, text: &str) -> Vec<Diagnostic> {
    let params = ParamValues::new();
    let of = |statement: Result<eql_grammar::Statement, Vec<Diagnostic>>| match statement {
        Ok(statement) => bind(text, &statement, &context(catalog, &params)).diagnostics,
        Err(wrong) => wrong,
    };
    parse(text).statements.into_iter().flat_map(of).collect()
}

fn picture(catalog: &Catalog, eql: &str) -> String {
    let found = diagnostics(catalog, eql);
    let mut drawn: String = found.iter().map(|d| render(d, eql, false)).collect();
    let mended = mend(eql, &found);
    if mended != eql {
        let left = diagnostics(catalog, &mended);
        let verdict = match left.first() {
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

#[test]
fn every_diagnostic_has_words_of_its_own_and_a_place() {
    let cases = std::fs::read_to_string(FILE).expect("the fixture is there");
    let catalog = catalog(setup(&cases));
    for eql in cases.split("```eql\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
        for found in diagnostics(&catalog, eql) {
            let known = eql_grammar::code::code(found.code).is_some() || eql_compiler::code::ALL.iter().any(|c| c.code == found.code);
            assert!(known, "{}", found.code);
            assert!(eql.get(found.span.start..found.span.end).is_some(), "{found}");
            assert!(!found.message.ends_with('.'), "{found}");
            assert!(found.hint.is_some(), "no advice: {found}");
        }
    }
}

/// Every piece of EQL that advice quotes can be written: somewhere in a statement it parses.
#[test]
fn what_advice_quotes_is_eql() {
    let mut advice: Vec<String> = eql_grammar::elsewhere::advice().map(str::to_string).collect();
    let cases = std::fs::read_to_string(FILE).expect("the fixture is there");
    let catalog = catalog(setup(&cases));
    let mistakes = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../grammar/tests/fixtures/errors.md"))
        .expect("the mistakes are there");
    for eql in [&cases, &mistakes].iter().flat_map(|t| t.split("```eql\n").skip(1)).filter_map(|rest| rest.split("\n```").next()) {
        advice.extend(diagnostics(&catalog, eql).into_iter().filter_map(|d| d.hint));
    }
    advice.extend(eql_grammar::code::CODES.iter().map(|c| c.explanation.to_string()));
    advice.extend(eql_compiler::code::ALL.iter().flat_map(|c| [c.explanation.to_string(), eql_compiler::code::advice(c.code).to_string()]));
    advice.sort();
    advice.dedup();
    let wrong: Vec<String> = advice.iter().flat_map(|a| quoted(a).filter(|q| !is_eql(q)).map(move |q| format!("`{q}` in: {a}"))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn quoted(advice: &str) -> impl Iterator<Item = &str> {
    // A name in backquotes is the user's own.
    let eql = if advice.starts_with("as a name") { "" } else { advice };
    eql.split('`').skip(1).step_by(2)
}

/// Places where a piece may stand: `~` is the piece.
const PLACES: [&str; 32] = [
    "~",
    "SELECT ~",
    "SELECT ~ FROM x",
    "SELECT a ~ 1",
    "SELECT a ~ 'x'",
    "SELECT a ~ b FROM x",
    "SELECT a ~",
    "SELECT a FROM x ~",
    "SELECT a FROM x ~ b ON c",
    "SELECT a FROM x ~ (SELECT 1)",
    "SELECT a FROM ~",
    "FIND u WHERE ~",
    "FIND u WHERE a ~",
    "FIND u WHERE a ~ s",
    "FIND u WHERE DID e ~",
    "FIND u WHERE DID ~",
    "FIND u WHERE ~ e",
    "FIND u ~",
    "FIND u ~ a",
    "FIND u ORDER BY a ~",
    "FIND u SAMPLE ~",
    "FUNNEL a ~ b",
    "FUNNEL a -> b ~",
    "TREND count(e) DURING ~",
    "TREND count(e) DURING today ~",
    "TREND count(e) WITHIN ~",
    "TREND count(e) DURING ~ TO now",
    "SELECT a FROM x JOIN y ~",
    "RETENTION ~",
    "DEFINE ENTITY e KEY k STRING (~)",
    "DEFINE EVENT e OF u (a INT) ~",
    "DEFINE SEGMENT s OF u ~ a = 1",
];

fn is_eql(piece: &str) -> bool {
    let piece = piece.replace('…', " x ");
    let parses = |place: &&str| parse(&place.replace('~', &piece)).diagnostics().is_empty();
    PLACES.iter().any(parses) || words_of_the_language(&piece)
}

/// `BREAKDOWN BY`: keywords, or one sign.
fn words_of_the_language(piece: &str) -> bool {
    const GRAMMAR: &str = include_str!("../../grammar/eql.pest");
    let keyword = |word: &str| GRAMMAR.contains(&format!("^\"{}\"", word.to_lowercase()));
    piece.split_whitespace().all(keyword) || piece.chars().count() <= 2
}
