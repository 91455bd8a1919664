//! WITH: what is shown beside each change, as FIND shows it of these entities when the change is handed on.

use crate::reevaluate::{key_bytes, quoted};
use crate::rows::internal;
use crate::{Engine, EngineError};
use arrow::array::{ArrayRef, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::record_batch::RecordBatch;
use eql_catalog::{Catalog, EntityType, Value};
use eql_compiler::bound::{Follows, Output, Payload, Statement, Subscribe};
use eql_grammar::ast::{self, Clause, ClauseKind, QueryBody, Show, StatementKind};
use eql_store::value_at;
use std::collections::HashMap;
use std::sync::Arc;

/// Entities asked for at once: a condition is a list of their keys.
const KEYS: usize = 256;

/// The columns of WITH. FIND gives the key first; it is shown where it was asked for.
pub(super) fn columns(catalog: &Catalog, s: &Subscribe) -> Vec<Output> {
    let Some((payload, entity)) = asked(catalog, s) else { return Vec::new() };
    payload.output.iter().skip(hidden(payload, &entity)).cloned().collect()
}

fn asked<'s>(catalog: &Catalog, s: &'s Subscribe) -> Option<(&'s Payload, Arc<EntityType>)> {
    let Follows::Segment { entity, .. } = &s.follows else { return None };
    Some((s.payload.as_ref()?, catalog.entity_by_id(*entity)?.clone()))
}

/// How many of FIND's columns are the key that nobody asked for.
fn hidden(payload: &Payload, entity: &EntityType) -> usize {
    let is_key = |item: &ast::Item| match &item.expr.kind {
        ast::ExprKind::Path(path) => path.parts.len() == 1 && entity.key.iter().any(|k| k.name == path.parts[0].name),
        _ => false,
    };
    if items(&payload.statement).is_some_and(|items| items.iter().any(is_key)) { 0 } else { entity.key.len() }
}

fn items(statement: &ast::Statement) -> Option<&[ast::Item]> {
    let StatementKind::Query(query) = &statement.kind else { return None };
    let QueryBody::Find(find) = &query.body else { return None };
    find.clauses.iter().find_map(|c| if let ClauseKind::Show(Show::Items(items)) = &c.kind { Some(items.as_slice()) } else { None })
}

/// The payload of some entities, in their order; NULL of those that are not there any more.
pub(super) async fn of(
    engine: &Engine,
    catalog: &Arc<Catalog>,
    s: &Subscribe,
    keys: &[Option<Vec<Value>>],
) -> Result<Vec<ArrayRef>, EngineError> {
    let Some((payload, entity)) = asked(catalog, s) else { return Ok(Vec::new()) };
    let hidden = hidden(payload, &entity);
    let mut found: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut batches: Vec<RecordBatch> = Vec::new();
    let known: Vec<&Vec<Value>> = keys.iter().flatten().collect();
    let mut rows = 0;
    for some in known.chunks(KEYS) {
        let batch = ask(engine, catalog, payload, &entity, some).await?;
        for row in 0..batch.num_rows() {
            let key: Vec<Value> = (0..entity.key.len()).map(|k| value_at(batch.column(k), row)).collect();
            found.insert(key_bytes(&key), rows);
            rows += 1;
        }
        batches.push(batch);
    }
    let Some(first) = batches.first() else {
        let shape = super::head(catalog, s, "UTC")?.schema;
        let columns = payload.output.iter().skip(hidden).filter_map(|o| shape.field_with_name(&o.name).ok());
        return Ok(columns.map(|f| new_null_array(f.data_type(), keys.len())).collect());
    };
    let all = arrow::compute::concat_batches(&first.schema(), &batches).map_err(|e| internal(e.to_string()))?;
    let places: UInt32Array = keys.iter().map(|k| k.as_ref().and_then(|k| found.get(&key_bytes(k)).copied())).collect();
    let columns = all.columns().iter().skip(hidden).map(|c| take(c, &places, None));
    columns.map(|c| c.map_err(|e| internal(e.to_string()))).collect()
}

async fn ask(
    engine: &Engine,
    catalog: &Arc<Catalog>,
    payload: &Payload,
    entity: &EntityType,
    keys: &[&Vec<Value>],
) -> Result<RecordBatch, EngineError> {
    let mut setup = engine.setup_now(engine.clock());
    let mut words = Vec::new();
    for (i, key) in keys.iter().enumerate() {
        let mut same = Vec::new();
        for (k, (declared, value)) in entity.key.iter().zip(key.iter()).enumerate() {
            let name = (i * entity.key.len() + k + 1).to_string();
            same.push(format!("{} = ${name}", quoted(&declared.name)));
            setup.params.insert(name, value.clone());
        }
        words.push(same.join(" AND "));
    }
    let text = match entity.key.as_slice() {
        [one] => format!("{} IN ({})", quoted(&one.name), (1..=keys.len()).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ")),
        _ => words.join(" OR "),
    };
    let condition = eql_grammar::parse_expr(&text).map_err(|d| EngineError::Diagnostics(vec![d]))?;
    let mut statement = payload.statement.clone();
    if let StatementKind::Query(query) = &mut statement.kind
        && let QueryBody::Find(find) = &mut query.body
    {
        find.clauses.push(Clause { kind: ClauseKind::Where(condition), span: ast::Span::default() });
    }
    let (bound, _) = engine.bind_under(catalog.clone(), "", &statement, &setup)?;
    let Some(Statement::Query(query)) = &bound.statement else { return Err(internal("a payload that is none".into())) };
    engine.evaluate(engine.snapshot().await?, query, setup.now).await
}
