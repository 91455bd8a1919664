//! The nouns of a catalog as tables of SQL.

use super::{SQL_SCHEMA, SqlContext};
use crate::lower::plan_column;
use crate::planner::Planner;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlanBuilder};
use eql_catalog::Catalog;
use eql_compiler::bound::{Query, Statement};
use eql_compiler::{Context, ParamValues};
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;

/// A table of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlTable {
    /// `default`, or `system`.
    pub schema: &'static str,
    /// Its name.
    pub name: String,
    /// The statement of the Entity Query Language whose rows it has.
    pub text: String,
}

/// All tables of a catalog: entities, events, segments (the keys of their members), tags (key and `value`), and those of the system.
pub fn sql_tables(catalog: &Catalog) -> Vec<SqlTable> {
    let plain = |name: &String| (name.clone(), format!("FROM {}", quoted(name)));
    let mut found: Vec<(String, String)> = catalog.entities().map(|e| plain(&e.name)).collect();
    found.extend(catalog.events().map(|e| plain(&e.name)));
    found.extend(catalog.virtual_events().map(|e| plain(&e.name)));
    let keys = |entity: &str| catalog.entity(entity).map(|e| e.key.iter().map(|k| quoted(&k.name)).collect::<Vec<_>>().join(", "));
    for s in catalog.segments() {
        found.extend(keys(&s.entity).map(|keys| (s.name.clone(), format!("SELECT {keys} FROM SEGMENT {}", quoted(&s.name)))));
    }
    for t in catalog.tags() {
        let (tag, entity) = (quoted(&t.name), quoted(&t.entity));
        let text = keys(&t.entity).map(|keys| format!("SELECT {keys}, {tag} AS `value` FROM {entity} WHERE {tag} IS NOT NULL"));
        found.extend(text.map(|text| (t.name.clone(), text)));
    }
    let mut seen = HashSet::new();
    found.retain(|(name, _)| seen.insert(name.clone()));
    let own = found.into_iter().map(|(name, text)| SqlTable { schema: SQL_SCHEMA, name, text });
    let system = eql_compiler::system::TABLES.iter();
    own.chain(system.map(|t| SqlTable {
        schema: eql_compiler::system::SCHEMA,
        name: t.name.to_string(),
        text: format!("FROM {}.{}", eql_compiler::system::SCHEMA, t.name),
    }))
    .collect()
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The catalog `eql` of one statement.
pub(super) struct Nouns {
    pub planner: Planner,
    pub context: SqlContext,
}

impl std::fmt::Debug for Nouns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Nouns({:?})", self.planner.world)
    }
}

impl Nouns {
    /// The rows of a statement as a view, with the statement's own column names.
    fn view(&self, text: &str) -> Result<Arc<dyn TableProvider>> {
        let query = self.bound(text)?;
        let plan = self.planner.rel(&query.rel)?;
        let mut seen = HashSet::new();
        let mut columns: Vec<DfExpr> = Vec::new();
        for o in &query.output {
            let mut name = o.name.clone();
            while !seen.insert(name.clone()) {
                name.push('_');
            }
            columns.push(plan_column(o.id).alias(name));
        }
        let plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        Ok(Arc::new(ViewTable::new(plan, Some(text.to_string()))))
    }

    fn bound(&self, text: &str) -> Result<Query> {
        let parsed = eql_grammar::parse(text);
        let told = |d: &[eql_grammar::Diagnostic]| d.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let wrong = parsed.diagnostics();
        if !wrong.is_empty() {
            return plan_err!("{}", told(&wrong));
        }
        let mut statements = parsed.statements.into_iter().flatten();
        let (Some(statement), None) = (statements.next(), statements.next()) else {
            return plan_err!("eql('…') takes one query");
        };
        let none = ParamValues::new();
        let context = Context {
            catalog: self.planner.world.snapshot.catalog(),
            params: self.context.params.as_ref().unwrap_or(&none),
            time_zone: &self.context.zone,
            week_start: self.context.week_start,
            lenient: false,
            check: false,
        };
        let bound = eql_compiler::bind(text, &statement, &context);
        match bound.statement {
            Some(Statement::Query(query)) => Ok(query),
            Some(Statement::Later(what)) => plan_err!("{what} is not supported by this version yet"),
            Some(_) => plan_err!("eql('…') takes a query"),
            None => plan_err!("{}", told(&bound.diagnostics)),
        }
    }
}

impl CatalogProvider for Nouns {
    fn schema_names(&self) -> Vec<String> {
        vec![SQL_SCHEMA.into(), eql_compiler::system::SCHEMA.into()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let schema = self.schema_names().into_iter().find(|s| s.eq_ignore_ascii_case(name))?;
        let tables = sql_tables(self.planner.world.snapshot.catalog()).into_iter().filter(|t| t.schema == schema).collect();
        let nouns = Nouns { planner: self.planner.clone(), context: self.context.clone() };
        Some(Arc::new(Schema { nouns, tables }))
    }
}

#[derive(Debug)]
struct Schema {
    nouns: Nouns,
    tables: Vec<SqlTable>,
}

impl Schema {
    /// Unquoted names come in lower case: a name that differs in case only is meant when there is one.
    fn find(&self, name: &str) -> Option<&SqlTable> {
        let exact = self.tables.iter().find(|t| t.name == name);
        exact.or_else(|| {
            let mut same = self.tables.iter().filter(|t| t.name.to_lowercase() == name.to_lowercase());
            same.next().filter(|_| same.next().is_none())
        })
    }
}

impl SchemaProvider for Schema {
    fn table_names(&self) -> Vec<String> {
        self.tables.iter().map(|t| t.name.clone()).collect()
    }

    fn table<'life0, 'life1, 'async_trait>(
        &'life0 self,
        name: &'life1 str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Arc<dyn TableProvider>>, DataFusionError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        // A definition that no longer binds is no table: listings go on without it.
        let found = self.find(name).and_then(|t| self.nouns.view(&t.text).ok());
        Box::pin(std::future::ready(Ok(found)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

/// `eql('FUNNEL …')` in FROM: the rows of any query of the language.
pub(super) struct EqlFunction {
    pub nouns: Arc<Nouns>,
}

impl std::fmt::Debug for EqlFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("eql")
    }
}

impl TableFunctionImpl for EqlFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        match args.exprs() {
            [
                DfExpr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)), _),
            ] => self.nouns.view(text),
            _ => plan_err!("eql('…') takes one query as a text that is written out"),
        }
    }
}
