//! The reference questions about the sample: each answer was worked out by two other programs.

use eql_engine::Session;
use eql_tests::{Cell, Table, Told, World, root, world};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Cases that do not pass yet, each with its reason. The list must stay true: a case that passes has to leave it.
const EXPECTED_LATER: &[(&str, &str)] =
    &[("CJ24", "PATHS is not supported yet"), ("CJ25", "PATHS is not supported yet"), ("CJ28", "RFM is not supported yet")];

/// Numbers are equal when they differ by no more: the reference rounds to four decimals.
const TOLERANCE: f64 = 1e-3;

/// A question with its answer.
#[derive(Deserialize)]
struct Case {
    id: String,
    question: String,
    ordered: bool,
    answer: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

/// The same question in EQL.
#[derive(Deserialize)]
struct Asked {
    eql: Vec<String>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    columns: Vec<String>,
    /// `concat_row`: the rows of all statements are joined into one.
    compare: Option<String>,
    /// By column: how a value of the result is written in the answer.
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, Value>>,
}

fn load<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = root().join("tests/completejourney").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn answers_agree_with_the_reference() {
    let world = world();
    let asked: BTreeMap<String, Asked> = load("cases.eql.json");
    let later: BTreeMap<&str, &str> = EXPECTED_LATER.iter().copied().collect();
    let mut wrong = Vec::new();
    for case in load::<Cases>("cases.json").cases {
        let outcome = verdict(&world, &case, &asked[&case.id]);
        match (outcome, later.get(case.id.as_str())) {
            (Err(why), None) => wrong.push(format!("{} {}\n     {why}", case.id, case.question)),
            (Ok(()), Some(reason)) => wrong.push(format!("{} passes: take it off EXPECTED_LATER ({reason})", case.id)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_case_is_asked_and_every_exception_is_a_case() {
    let asked: BTreeMap<String, Asked> = load("cases.eql.json");
    let ids: Vec<String> = load::<Cases>("cases.json").cases.into_iter().map(|c| c.id).collect();
    assert!(ids.len() == 43 && asked.keys().eq(ids.iter()), "cases.json and cases.eql.json hold different cases");
    assert!(EXPECTED_LATER.iter().all(|(id, reason)| asked.contains_key(*id) && !reason.is_empty()));
}

/// Ok when the answer is the reference's, else a line that says what differs.
fn verdict(world: &World, case: &Case, asked: &Asked) -> Result<(), String> {
    let rows = answer(world, asked)?;
    if case.ordered { in_order(&case.answer, &rows) } else { in_any_order(&case.answer, &rows) }
}

/// The compared columns of the last result, or of all results side by side.
fn answer(world: &World, asked: &Asked) -> Result<Vec<Vec<Cell>>, String> {
    let mut session = Session::default();
    for (name, value) in &asked.settings {
        world.ask(&mut session, &format!("SET {name} = '{value}'")).map_err(|e| e.to_string())?;
    }
    let mut tables = Vec::new();
    for text in &asked.eql {
        let told = world.ask(&mut session, text).map_err(|e| e.to_string())?;
        tables.extend(told.into_iter().filter_map(|t| if let Told::Rows { table, .. } = t { Some(table) } else { None }));
    }
    let table = match asked.compare.as_deref() {
        Some("concat_row") => side_by_side(tables)?,
        Some(other) => return Err(format!("unknown comparison `{other}`")),
        None => tables.pop().ok_or("no result")?,
    };
    compared(&table, asked)
}

fn side_by_side(tables: Vec<Table>) -> Result<Table, String> {
    let mut joined = Table { columns: Vec::new(), rows: vec![Vec::new()] };
    for mut table in tables {
        let row =
            if table.rows.len() == 1 { table.rows.remove(0) } else { return Err(format!("one row expected, not {}", table.rows.len())) };
        joined.columns.extend(table.columns);
        joined.rows[0].extend(row);
    }
    Ok(joined)
}

fn compared(table: &Table, asked: &Asked) -> Result<Vec<Vec<Cell>>, String> {
    let at =
        |name: &String| table.columns.iter().position(|c| c == name).ok_or_else(|| format!("no column `{name}` in {:?}", table.columns));
    let places = asked.columns.iter().map(at).collect::<Result<Vec<_>, _>>()?;
    let written =
        |column: &String, cell: &Cell| asked.values.get(column).and_then(|v| v.get(&key(cell))).map_or_else(|| cell.clone(), text);
    let row = |row: &Vec<Cell>| asked.columns.iter().zip(&places).map(|(column, place)| written(column, &row[*place])).collect();
    Ok(table.rows.iter().map(row).collect())
}

/// How a value is looked up: 2, 2.0 and "2" are one.
fn key(cell: &Cell) -> String {
    match (cell.number(), cell) {
        (Some(n), _) if n.fract() == 0.0 => format!("{n:.0}"),
        (_, Cell::Text(text)) => text.clone(),
        (_, other) => format!("{other:?}"),
    }
}

fn text(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(b) => Cell::Bool(*b),
        Value::String(s) => Cell::Text(s.clone()),
        other => Cell::Text(other.to_string()),
    }
}

fn same(want: &Value, got: &Cell) -> bool {
    match (want, got) {
        (Value::Number(n), _) => n.as_f64().zip(got.number()).is_some_and(|(w, g)| (w - g).abs() <= TOLERANCE),
        _ => text(want) == *got,
    }
}

fn same_row(want: &[Value], got: &[Cell]) -> bool {
    want.len() == got.len() && want.iter().zip(got).all(|(w, g)| same(w, g))
}

fn in_order(want: &[Vec<Value>], got: &[Vec<Cell>]) -> Result<(), String> {
    let differs = want.iter().zip(got).position(|(w, g)| !same_row(w, g));
    match differs {
        Some(i) => Err(format!("row {}: want {:?}, got {:?}", i + 1, want[i], got[i])),
        None if want.len() == got.len() => Ok(()),
        None => Err(format!("want {} rows, got {}", want.len(), got.len())),
    }
}

fn in_any_order(want: &[Vec<Value>], got: &[Vec<Cell>]) -> Result<(), String> {
    let mut left: Vec<&Vec<Cell>> = got.iter().collect();
    let mut missing = Vec::new();
    for row in want {
        match left.iter().position(|g| same_row(row, g)) {
            Some(i) => drop(left.swap_remove(i)),
            None => missing.push(row),
        }
    }
    if missing.is_empty() && left.is_empty() {
        return Ok(());
    }
    let (missing_some, left_some) = (&missing[..missing.len().min(2)], &left[..left.len().min(2)]);
    Err(format!("want {} rows, got {}; missing {missing_some:?}; unexpected {left_some:?}", want.len(), got.len()))
}
