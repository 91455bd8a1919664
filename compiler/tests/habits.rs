//! Habits of other languages, `fixtures/habits.md`: each brings the picture that stands there, from the grammar or from the compiler.
//!
//! `BLESS=1 cargo test -p eql-compiler` rewrites the pictures; read the difference as code.

#[path = "../../grammar/tests/picture/mod.rs"]
mod picture;

use eql_catalog::{Catalog, WeekStart};
use eql_compiler::bound::Statement;
use eql_compiler::{Context, ParamValues, bind};
use eql_grammar::{Diagnostic, parse};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/habits.md");

#[test]
fn every_habit_brings_its_picture() {
    let cases = std::fs::read_to_string(FILE).expect("the fixture is there");
    let catalog = catalog(setup(&cases));
    picture::hold(FILE, &|eql| diagnostics(&catalog, eql));
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

#[test]
fn every_diagnostic_has_words_of_its_own_and_a_place() {
    let cases = std::fs::read_to_string(FILE).expect("the fixture is there");
    let catalog = catalog(setup(&cases));
    for eql in picture::texts(&cases) {
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
    for eql in [&cases, &mistakes].iter().flat_map(|t| picture::texts(t)) {
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
