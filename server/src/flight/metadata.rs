//! Catalogs, schemas, tables and keys. Entities, events and segments are tables; their columns are asked of the engine, so that they are those of queries.

use super::{CATALOG, SCHEMA, status};
use crate::plain::wire_schema;
use crate::script::Script;
use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::sql::{CommandGetCatalogs, CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTableTypes, CommandGetTables};
use eql_engine::catalog::Catalog;
use eql_engine::{Engine, Params, Session, sql_tables};
use std::sync::Arc;
use tonic::Status;

/// The schema of the tables of the system.
const SYSTEM: &str = "system";
/// What a table is called unless the client asks for another word.
const TABLE: &str = "TABLE";

pub(super) fn catalogs(command: CommandGetCatalogs) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    builder.append(CATALOG);
    builder.build().map_err(Status::from)
}

pub(super) fn schemas(command: CommandGetDbSchemas) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    builder.append(CATALOG, SCHEMA);
    builder.append(CATALOG, SYSTEM);
    builder.build().map_err(Status::from)
}

pub(super) fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch, Status> {
    let mut builder = command.into_builder();
    builder.append(TABLE);
    builder.build().map_err(Status::from)
}

/// All tables that fit the filters. Clients write the type `TABLE`, `BASE TABLE` or `table`: all of them mean the same, and the answer uses the client's word.
pub(super) async fn tables(
    mut command: CommandGetTables,
    engine: &Engine,
    session: &Session,
    word: Option<&str>,
) -> Result<RecordBatch, Status> {
    let filtered = !command.table_types.is_empty();
    let same = |t: &&String| t.eq_ignore_ascii_case("TABLE") || t.eq_ignore_ascii_case("BASE TABLE");
    let asked = command.table_types.iter().find(same).cloned();
    let word = word.map(str::to_string).or_else(|| asked.clone()).unwrap_or_else(|| TABLE.to_string());
    let with_schema = command.include_schema;
    let wanted = command.table_name_filter_pattern.clone();
    command.table_types.clear();
    let mut builder = command.into_builder();
    let names = if filtered && asked.is_none() { Vec::new() } else { sql_tables(&engine.catalog()) };
    for table in names {
        let (name, source) = (table.name, table.text);
        // Planning is only worth it for a table that will be shown; an exact name is the common case.
        let exact = wanted.as_ref().filter(|w| !w.contains(['%', '_', '\\']));
        let schema = match exact {
            Some(exact) if *exact != name => Schema::empty(),
            _ if !with_schema => Schema::empty(),
            _ => columns(engine, session, &source).await,
        };
        builder.append(CATALOG, table.schema, &name, &word, &schema).map_err(Status::from)?;
    }
    builder.build().map_err(Status::from)
}

/// The columns of `SELECT *`. A table that cannot be planned, such as a segment whose definition no longer binds, is listed without columns.
async fn columns(engine: &Engine, session: &Session, source: &str) -> Schema {
    let answer = match Script::parse(source) {
        Ok(script) => script.schema(engine, session, &Params::new()).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(Some((columns, schema))) => wire_schema(&columns, &schema).as_ref().clone(),
        Ok(None) => Schema::empty(),
        Err(error) => {
            tracing::debug!(source, %error, "a table has no schema");
            Schema::empty()
        }
    }
}

/// The key of an entity.
pub(super) fn primary_keys(command: &CommandGetPrimaryKeys, catalog: &Catalog) -> Result<RecordBatch, Status> {
    let here = command.catalog.as_deref().is_none_or(|c| c == CATALOG) && command.db_schema.as_deref().is_none_or(|s| s == SCHEMA);
    let entity = catalog.entity(&command.table).filter(|_| here);
    let keys: Vec<&str> = entity.map(|e| e.key.iter().map(|k| k.name.as_str()).collect()).unwrap_or_default();
    let same = |text: &str| Arc::new(StringArray::from_iter_values(keys.iter().map(|_| text))) as ArrayRef;
    let numbers = Int32Array::from_iter_values((1..).take(keys.len()));
    let columns: Vec<(Field, ArrayRef)> = vec![
        (Field::new("catalog_name", DataType::Utf8, true), same(CATALOG)),
        (Field::new("db_schema_name", DataType::Utf8, true), same(SCHEMA)),
        (Field::new("table_name", DataType::Utf8, false), same(&command.table)),
        (Field::new("column_name", DataType::Utf8, false), Arc::new(StringArray::from_iter_values(keys.iter()))),
        (Field::new("key_sequence", DataType::Int32, false), Arc::new(numbers)),
        (Field::new("key_name", DataType::Utf8, true), Arc::new(StringArray::new_null(keys.len()))),
    ];
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|e| status::internal(&e))
}

/// No keys: relations of EQL are no constraints. Imported, exported and cross references share one shape.
pub(super) fn foreign_keys() -> RecordBatch {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let rule = |name: &str| Field::new(name, DataType::UInt8, false);
    let side = |side: &str| {
        let name = |part: &str| format!("{side}_{part}");
        [
            text(&name("catalog_name"), true),
            text(&name("db_schema_name"), true),
            text(&name("table_name"), false),
            text(&name("column_name"), false),
        ]
    };
    let mut fields: Vec<Field> = side("pk").into_iter().chain(side("fk")).collect();
    fields.push(Field::new("key_sequence", DataType::Int32, false));
    fields.extend([text("fk_key_name", true), text("pk_key_name", true), rule("update_rule"), rule("delete_rule")]);
    RecordBatch::new_empty(Arc::new(Schema::new(fields)))
}
