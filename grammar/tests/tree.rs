//! What the tree holds, for the forms where it is not plain from the text.

use eql_grammar::ast::{
    ClauseKind, CountOp, Duration, ExplainRung, Expr, ExprKind, OrderMode, QualKind, QueryBody, RangeKind, SegmentExpr, SourceKind,
    StatementKind, Unit,
};
use eql_grammar::{parse, parse_duration, parse_expr, parse_range, print};

fn expr(text: &str) -> Expr {
    parse_expr(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
}

/// Both texts are the same tree.
fn same(text: &str, other: &str) {
    let (left, right) = (parse(text), parse(other));
    assert_eq!(left.diagnostics(), []);
    assert_eq!(left, right, "{text} and {other}");
}

fn statement(text: &str) -> StatementKind {
    let mut statements = parse(text).statements;
    assert_eq!(statements.len(), 1);
    statements.remove(0).unwrap_or_else(|wrong| panic!("{wrong:?}")).kind
}

#[test]
fn precedence() {
    for (text, bracketed) in [
        ("a + b * c - d", "(a + (b * c)) - d"),
        ("a || b || c", "(a || b) || c"),
        ("a OR b AND NOT c = d", "a OR (b AND (NOT (c = d)))"),
        ("-a::INT * 2", "(-(a::INT)) * 2"),
        ("a - -b", "a - (-b)"),
        ("a BETWEEN 1 AND 2 AND b", "(a BETWEEN 1 AND 2) AND b"),
        ("(a AND b) AND (c AND d)", "a AND b AND c AND d"),
        ("a / b / c", "(a / b) / c"),
        ("a % 2 = 0", "(a % 2) = 0"),
        ("NOT a LIKE b", "NOT (a LIKE b)"),
    ] {
        assert_eq!(expr(text), expr(bracketed), "{text}");
    }
    assert_ne!(expr("a - (b - c)"), expr("a - b - c"));
}

#[test]
fn as_of_belongs_to_the_segment() {
    let ExprKind::And(terms) = expr("user_id IN SEGMENT vip AND user_id NOT IN SEGMENT vip AS OF 30 days ago").kind else {
        panic!("not AND")
    };
    let ages: Vec<bool> = terms
        .iter()
        .map(|t| matches!(&t.kind, ExprKind::InSegment { segment, .. } if matches!(**segment, SegmentExpr::Named(_, Some(_)))))
        .collect();
    assert_eq!(ages, [false, true]);
}

#[test]
fn intersect_binds_tighter() {
    same("FIND u AMONG a UNION b INTERSECT c EXCEPT d", "FIND u AMONG (a UNION (b INTERSECT c)) EXCEPT d");
    let StatementKind::Query(query) = statement("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3") else { panic!("not a query") };
    assert!(matches!(query.body, QueryBody::Set(eql_grammar::ast::SetOp::Union, _, right) if matches!(*right, QueryBody::Set(..))));
}

#[test]
fn sql_habits() {
    same("SELECT extract(HOUR FROM t)", "SELECT date_part('hour', t)");
    same("SELECT sum(a) FILTER (WHERE b = 1)", "SELECT sum(a WHERE b = 1)");
    same("SELECT CAST(a AS int)", "SELECT a::INT");
    same("SELECT a <> b", "SELECT a != b");
    same("FROM purchase", "SELECT * FROM purchase");
    same("SELECT a FROM b LEFT OUTER JOIN c ON d INNER JOIN e ON f", "SELECT a FROM b LEFT JOIN c ON d JOIN e ON f");
    same("SET threads TO 4", "SET threads = 4");
    same("FUNNEL a → b WITHIN 1 d DURING today", "FUNNEL a -> b WITHIN 1 day DURING today");
    for text in [
        "SELECT 1e6, 2.5E-3",
        "SELECT CASE x WHEN 1 THEN 'a' END",
        "FIND u WHERE EXISTS (SELECT 1)",
        "SELECT a FROM b FULL JOIN c ON d CROSS JOIN e",
        "SET now = TIMESTAMP '2026-01-01T00:00:00Z'",
        "SELECT COUNT(DISTINCT x), count(* WHERE a), count(*) FROM system.rejected",
        "SELECT a FROM b LIMIT :n OFFSET $2",
        "SELECT rank() OVER (PARTITION BY a, b ORDER BY c DESC NULLS LAST)",
        "FIND u WHERE (a, b) IN ((1, 2), (3, 4))",
        "SELECT a IN (SELECT b FROM c)",
    ] {
        assert_eq!(parse(text).diagnostics(), [], "{text}");
    }
    let StatementKind::Query(query) = statement("FROM system.rejected") else { panic!("not a query") };
    let QueryBody::Select(select) = query.body else { panic!("not SELECT") };
    assert!(matches!(select.from.map(|s| s.kind), Some(SourceKind::Named(path)) if path.text() == "system.rejected"));
}

#[test]
fn qualifiers_of_did() {
    let ExprKind::Behaviour(did) =
        expr("DID a -> b ONCE TWICE ON AT LEAST 5 WEEKS IN ORDER IN ANY ORDER TIES FORBIDDEN HOLDING x, y.z BETWEEN 2 AND 3 TIMES").kind
    else {
        panic!("not DID")
    };
    let kinds: Vec<QualKind> = did.quals.into_iter().map(|q| q.kind).collect();
    assert_eq!(kinds[..2], [QualKind::Times(CountOp::Exactly, 1), QualKind::Times(CountOp::Exactly, 2)]);
    assert_eq!(
        kinds[2..5],
        [QualKind::OnPeriods(CountOp::AtLeast, 5, Unit::Week), QualKind::Mode(OrderMode::InOrder), QualKind::Mode(OrderMode::AnyOrder)]
    );
    assert_eq!(kinds[5], QualKind::Ties(true));
    assert!(matches!(&kinds[6], QualKind::Holding(keys) if keys.len() == 2));
    assert_eq!(kinds[7], QualKind::TimesBetween(2, 3));
}

#[test]
fn a_bare_explain_is_logical() {
    assert!(matches!(statement("EXPLAIN SELECT 1"), StatementKind::Explain { rung: ExplainRung::Logical, .. }));
    same("EXPLAIN LOGICAL SELECT 1", "EXPLAIN SELECT 1");
}

#[test]
fn contextual_words_are_names() {
    for word in [
        "order", "session", "time", "event", "show", "first", "last", "set", "count", "user", "key", "date", "find", "funnel", "any",
        "list", "week", "limit_", "to", "on", "max",
    ] {
        let text = format!("SELECT {word}, t.{word}, {word}(a) FROM {word} WHERE {word} = 1 AND DID {word} ORDER BY {word}");
        assert_eq!(parse(&text).diagnostics(), [], "{text}");
    }
    for word in eql_grammar::word::RESERVED {
        let quoted = format!("SELECT `{word}`, \"{word}\" FROM `{word}`");
        assert_eq!(parse(&quoted).diagnostics(), [], "{quoted}");
        assert!(!parse(&format!("FIND user SHOW a.{word}")).diagnostics().is_empty(), "{word}");
    }
}

#[test]
fn a_number_before_week_starts_is_a_number() {
    same("TREND a WHERE b = 3 WEEK STARTS SUNDAY", "TREND a WHERE b = (3) WEEK STARTS SUNDAY");
    let StatementKind::Query(query) = statement("RETENTION STARTING a BUCKETS (1, 3) WEEK STARTS SUNDAY") else { panic!("not a query") };
    let QueryBody::Analysis(analysis) = query.body else { panic!("not an analysis") };
    assert!(matches!(analysis.clauses.get(1).map(|c| &c.kind), Some(ClauseKind::Buckets(_, None))));
}

#[test]
fn a_find_defines_a_segment() {
    same("DEFINE SEGMENT s OF u AS FIND u WHERE DID a", "DEFINE SEGMENT s OF u AS SEGMENT (FIND u WHERE DID a)");
}

#[test]
fn names_keep_their_case_and_lose_their_quotes() {
    let ExprKind::Path(path) = expr("`a``b`.\"C\"\"d\".名.$City").kind else { panic!("not a path") };
    let names: Vec<&str> = path.parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["a`b", "C\"d", "名", "$City"]);
}

#[test]
fn spans_are_those_of_the_text_and_hold_no_blanks() {
    let text = "SHOW TAGS;\n  FIND user  /* c */ WHERE  名 = 1  -- end\n  LIMIT 3  ;";
    let statements = parse(text).statements;
    let Some(Ok(statement)) = statements.get(1) else { panic!("{statements:?}") };
    assert_eq!(&text[statement.span.start..statement.span.end], "FIND user  /* c */ WHERE  名 = 1  -- end\n  LIMIT 3");
    let StatementKind::Query(query) = &statement.kind else { panic!("not a query") };
    let QueryBody::Find(find) = &query.body else { panic!("not FIND") };
    let clauses: Vec<&str> = find.clauses.iter().map(|c| &text[c.span.start..c.span.end]).collect();
    assert_eq!(clauses, ["WHERE  名 = 1", "LIMIT 3"]);
}

#[test]
fn values_of_parameters() {
    assert!(matches!(parse_range("last 30 days").map(|r| r.kind), Ok(RangeKind::Last(Some(_), _, Unit::Day))));
    assert!(matches!(parse_range(" '2026-01-01' TO now ").map(|r| r.kind), Ok(RangeKind::FromTo(..))));
    assert!(matches!(parse_duration("30 calendar days"), Ok(Duration::Length { count: 30, calendar: true, unit: Unit::Day, .. })));
    assert!(parse_expr("'a' || 'b'").is_ok());
    assert_eq!(parse_range("last 30").map_err(|wrong| wrong.code), Err("EQL0110"));
    for text in ["", ";", "last 30 days last 30 days", "1 +", "'", "(", "#"] {
        assert!(parse_range(text).is_err() && parse_duration(text).is_err() && parse_expr(text).is_err(), "{text}");
    }
}

#[test]
fn canonical_text() {
    for (text, wanted) in [
        ("find user where did purchase exactly 1 times", "FIND user WHERE DID purchase ONCE"),
        ("find user where (did purchase) during last 1 day", "FIND user WHERE (DID purchase) DURING last 1 day"),
        ("find user show (did a) as b", "FIND user SHOW (DID a) AS b"),
        ("trend a every 1 day during LAST day", "TREND a EVERY day DURING last day"),
        ("select a as `limit`, 'it''s' as `b c`", "SELECT a AS `limit`, 'it''s' AS `b c`"),
        ("select (a+b)*c, a-(b-c), not (not a), - (-1)", "SELECT (a + b) * c, a - (b - c), NOT NOT a, -(-1)"),
        (
            "define tag t of u type decimal(10,2) as a refresh every 1 week at '02:00'",
            "DEFINE TAG t OF u TYPE DECIMAL(10, 2) AS a REFRESH EVERY week AT '02:00'",
        ),
        ("explain logical select 1", "EXPLAIN SELECT 1"),
    ] {
        let printed: Vec<String> = parse(text).statements.iter().flatten().map(print).collect();
        assert_eq!(printed, [wanted]);
    }
}
