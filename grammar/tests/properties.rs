//! Laws over random texts: nothing panics, every place lies in the text, and printing keeps the statement.

use eql_grammar::{Diagnostic, format, parse, parse_duration, parse_expr, parse_range, print, render};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Everything that can be asked about a text; statements that parse must survive printing.
fn ask_all(text: &str) {
    let parsed = parse(text);
    for diagnostic in parsed.diagnostics() {
        check(text, &diagnostic);
    }
    for statement in parsed.statements.into_iter().flatten() {
        let printed = print(&statement);
        let again = parse(&printed).statements;
        assert_eq!(again, [Ok(statement)], "printed as {printed}\nfrom {text}");
        let twice: Vec<String> = again.iter().flatten().map(print).collect();
        assert_eq!(twice, [printed]);
    }
    if let Ok(once) = format(text) {
        assert_eq!(format(&once).as_ref(), Ok(&once), "from {text}");
    }
    let _ = (parse_expr(text).is_ok(), parse_duration(text).is_ok(), parse_range(text).is_ok());
}

fn check(text: &str, diagnostic: &Diagnostic) {
    let places = [Some(diagnostic.span), diagnostic.fix.as_ref().map(|f| f.span)];
    for place in places.into_iter().flatten().chain(diagnostic.labels.iter().map(|l| l.span)) {
        assert!(text.get(place.start..place.end).is_some(), "{diagnostic:?}");
        assert!(place.line >= 1 && place.column >= 1);
    }
    assert!(!diagnostic.message.contains('\n'), "{diagnostic:?}");
    assert!(render(diagnostic, text, false).ends_with('\n'));
    render(diagnostic, text, true);
}

const CORPUS: [&str; 4] = [
    include_str!("fixtures/examples.eql"),
    include_str!("fixtures/retail_cases.eql"),
    include_str!("fixtures/retail_schema.eql"),
    include_str!("fixtures/wrong.eql"),
];

/// Words, signs and values of the language, cut from the examples and the grammar.
fn vocabulary() -> Vec<String> {
    let mut words: Vec<String> = CORPUS.iter().flat_map(|t| t.split_whitespace()).map(str::to_owned).collect();
    let grammar = include_str!("../eql.pest");
    words.extend(grammar.split("^\"").skip(1).filter_map(|w| w.split('"').next()).map(str::to_owned));
    let signs = "( ) [ ] , . = != <> < > <= >= + - * / % || |> -> => :: ; ' ` \" $1 :p 1 2.5 1e6 -- /* */ # é 名 ! == && ?";
    words.extend(signs.split(' ').map(str::to_owned));
    words.sort();
    words.dedup();
    words
}

fn statements() -> Vec<Vec<String>> {
    CORPUS.iter().flat_map(|t| t.split(";\n")).map(pieces).collect()
}

/// A statement cut at blanks and before signs, so that mutations hit tokens.
fn pieces(statement: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for c in statement.chars() {
        if c.is_whitespace() || "()[],.=".contains(c) {
            found.push(c.to_string());
            found.push(String::new());
        } else if let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    found.retain(|piece| !piece.is_empty());
    found
}

#[derive(Clone, Debug)]
enum Mutation {
    Drop(Index),
    Double(Index),
    Swap(Index, Index),
    Replace(Index, String),
    Insert(Index, String),
    Cut(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let word = || select(vocabulary());
    prop_oneof![
        any::<Index>().prop_map(Mutation::Drop),
        any::<Index>().prop_map(Mutation::Double),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        (any::<Index>(), word()).prop_map(|(a, w)| Mutation::Replace(a, w)),
        (any::<Index>(), word()).prop_map(|(a, w)| Mutation::Insert(a, w)),
        any::<Index>().prop_map(Mutation::Cut),
    ]
}

fn mutate(mut pieces: Vec<String>, mutations: Vec<Mutation>) -> String {
    for mutation in mutations {
        if pieces.is_empty() {
            break;
        }
        let n = pieces.len();
        match mutation {
            Mutation::Drop(i) => drop(pieces.remove(i.index(n))),
            Mutation::Double(i) => pieces.insert(i.index(n), pieces[i.index(n)].clone()),
            Mutation::Swap(i, j) => pieces.swap(i.index(n), j.index(n)),
            Mutation::Replace(i, word) => pieces[i.index(n)] = format!(" {word} "),
            Mutation::Insert(i, word) => pieces.insert(i.index(n), format!(" {word} ")),
            Mutation::Cut(i) => pieces.truncate(i.index(n)),
        }
    }
    pieces.concat()
}

/// Expressions, with more brackets than they need.
fn expression() -> impl Strategy<Value = String> {
    let leaves = [
        "a",
        "b.c",
        "`limit`",
        "`a b`",
        "`any`",
        "$city",
        "名.前",
        "1",
        "2.50",
        "1e6",
        "'it''s'",
        "TRUE",
        "NULL",
        "DATE '2026-01-01'",
        ":p",
        "$2",
        "30 days",
        "1 calendar month",
        "now()",
        "count(*)",
        "DID a",
        "NEVER DID [b WHERE c = 1] DURING last 7 days",
        "FIRST DID a -> b AS x HOLDING k",
        "(SELECT 1)",
        "(FIND u WHERE DID a)",
        "find",
        "trend",
        "find HAS b",
        "rfm NOT CONTAINS b",
        "trend - 1",
        "`has`",
        "sessions",
        "rfm",
        "time",
        "segment",
        "distinct",
        "x IN SEGMENT s",
        "x NOT IN SEGMENT s AS OF today",
        "x IN SEGMENT a UNION (FIND u)",
        "`cast`(a)",
        "edges",
        "ANY",
        "optional",
        "last",
        "week",
        "DID a AT LEAST 2 TIMES BY SESSION v",
    ];
    select(leaves.to_vec()).prop_map(str::to_owned).prop_recursive(5, 40, 3, |inner| {
        let binary = select(vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "||",
            "=",
            "!=",
            "<",
            ">=",
            "AND",
            "OR",
            "LIKE",
            "NOT LIKE",
            "HAS ANY",
            "STARTS WITH",
            "IN (1) AND",
            "EXCEPT",
        ]);
        let unary = select(vec!["NOT ", "-", "- -", "(", "f(", "sum(DISTINCT ", "CAST("]);
        let tail = select(vec![
            "",
            "::INT",
            "::DECIMAL(10, 2)",
            " IS NULL",
            " IS NOT SET",
            ")",
            " AS INT)",
            " WHERE DID a)",
            " DURING today)",
            ") FILTER (WHERE a)",
            " BETWEEN 1 AND 2",
            " IN (1, 2)",
            " NOT IN :p",
            ") OVER (ORDER BY a DESC NULLS LAST)",
            ", 2)",
        ]);
        prop_oneof![
            3 => (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            2 => inner.clone().prop_map(|a| format!("({a})")),
            2 => (unary, inner.clone(), tail).prop_map(|(u, a, t)| format!("{u}{a}{t}")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("CASE {a} WHEN {b} THEN {c} END")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("f({a}, k => {b} ORDER BY {a})")),
            1 => inner.clone().prop_map(|a| format!("(FIND u WHERE {a} SHOW {a} AS n)")),
            1 => inner.prop_map(|a| format!("(DID [e OR f WHERE {a}] -> OPTIONAL WITHIN 1 day g)")),
        ]
    })
}

/// Statements made of a head and clauses in any order.
fn statement() -> impl Strategy<Value = String> {
    let heads = vec![
        "FIND u",
        "SELECT DISTINCT a, b.*, *",
        "FROM e",
        "TREND count(e)",
        "FUNNEL a -> [b WHERE c] AS `x y`",
        "SEQUENCE a -> NOT b",
        "RETENTION",
        "PATHS",
        "SESSIONS v",
        "DISTRIBUTION f(a) AS n",
        "INTERVALS",
        "ATTRIBUTION",
        "LTV",
        "LIFECYCLE e",
        "STICKINESS ANY EVENT",
        "RFM `optional`",
        "PROFILE",
        "JOURNEY",
        "DEFINE SEGMENT s OF u AS DID a",
        "DEFINE TAG t OF u AS RFM e",
        "DEFINE SESSION s OF u",
        "(SELECT 1) UNION SELECT 2",
        "EXPLAIN SELECT 1",
        "SELECT * FROM SEGMENT s AS x CROSS JOIN (FIND u) AS y",
        "FIND u AMONG a UNION FIND v",
        "DEFINE SEGMENT s OF u AS `rfm`",
        "SELECT 1 FROM e WHERE x IN SEGMENT s",
    ];
    let clauses = vec![
        "OF u",
        "OF u 'k'",
        "OF u (1, 'b')",
        "WHERE DID a",
        "WHERE (DID a)",
        "WHERE a = 3",
        "WHERE x IN SEGMENT s",
        "WHERE (x IN SEGMENT s)",
        "AMONG s",
        "AMONG (a UNION b) INTERSECT c AS OF today",
        "DURING last 30 complete days",
        "DURING :r",
        "DURING '2026-01-01' TO now",
        "WITHIN 7 days",
        "WITHIN :w",
        "EVERY week",
        "EVERY 2 weeks",
        "FOR 3 months",
        "BREAKDOWN BY a, b AS c TOP 5 ATTRIBUTED STEP 2",
        "GROUP BY a",
        "HAVING DID a",
        "ORDER BY a DESC, b NULLS FIRST",
        "LIMIT 5 OFFSET :o",
        "MEASURE sum(a WHERE b) AS m",
        "SHOW EDGES",
        "SHOW edges, a",
        "SHOW ENTITIES DROPPED AFTER STEP 2",
        "SHOW `entities`",
        "SHOW TIME TO CONVERT",
        "SHOW time",
        "COMPARE TO previous period",
        "COMPARE TO previous week",
        "HOLDING a, b",
        "EXCLUDING e BETWEEN STEP 1 AND 2",
        "IN ANY ORDER",
        "IN ORDER IGNORING a, [b]",
        "TIES FORBIDDEN",
        "KEEP REPEATS",
        "COUNTING SESSIONS v",
        "REENTRY LATEST",
        "STARTING a",
        "RETURNING [a OR b]",
        "ENDING ANY EVENT",
        "GOAL a",
        "TOUCHES a, [b]",
        "MODEL linear",
        "MODEL position(1, 2, 3)",
        "LOOKBACK 1 year",
        "BUCKETS (1, 2) weeks",
        "BUCKETS (1)",
        "BUCKETS 5",
        "OVER week",
        "OVER `week`, a",
        "NODE BY f(a)",
        "DEPTH 3",
        "BY SESSION v",
        "UNTIL e",
        "FIRST TIME",
        "RECURRING",
        "CALENDAR",
        "ROLLING",
        "CUMULATIVE",
        "UNBOUNDED",
        "NO FILL",
        "IN TIME ZONE 'UTC'",
        "WEEK STARTS SUNDAY",
        "SAMPLE 1.5%",
        "AS OF '2026-01-01'",
        "TIMEOUT 30 min",
        "SPLIT BY a",
        "MAX 1 d",
        "REFRESH EVERY day AT '02:00'",
        "KEEP 30 days",
        "HIDDEN",
        "|> WHERE a IN SEGMENT s",
        "|> LIMIT 3",
        "|> AGGREGATE count(*) GROUP BY a",
        "|> SELECT *",
        "UNION SELECT 1",
        "EXCEPT (FIND u)",
        "INTERSECT FROM e",
        "AND NOT a = 1",
    ];
    (select(heads), proptest::collection::vec(select(clauses), 0..6)).prop_map(|(head, clauses)| format!("{head} {}", clauses.join(" ")))
}

/// `PROPTEST_CASES` for a long run, a few for a daily one.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in ".{0,200}") {
        ask_all(&text);
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        ask_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_words(words in proptest::collection::vec(select(vocabulary()), 0..40)) {
        ask_all(&words.join(" "));
    }

    #[test]
    fn mutated_examples(pieces in select(statements()), mutations in proptest::collection::vec(mutation(), 1..4)) {
        ask_all(&mutate(pieces, mutations));
    }

    #[test]
    fn any_expression(expression in expression()) {
        ask_all(&format!("SELECT {expression} AS x FROM e"));
        ask_all(&format!("FIND u WHERE {expression} DURING today"));
        ask_all(&format!("DEFINE TAG t OF u AS {expression} KEEP 30 days"));
    }

    #[test]
    fn any_clauses(statement in statement()) {
        ask_all(&statement);
    }
}
