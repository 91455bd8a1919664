//! System tables: names in FROM and DESCRIBE that the catalog does not know.

use super::Binder;
use crate::bound::{Output, Rel};
use crate::code;
use crate::system::{Definition, SCHEMA, TABLES, by_name};
use eql_catalog::Noun;
use eql_grammar::ast::{Ident, Kind, Path};
use eql_grammar::nearest;

/// The table's word of `system.parts`, also behind the name of a database that clients put before it.
pub(super) fn name_of(path: &Path) -> Option<&Ident> {
    match path.parts.as_slice() {
        [.., schema, table] if schema.name == SCHEMA => Some(table),
        _ => None,
    }
}

impl Binder<'_> {
    /// The columns and rows of a system table.
    pub(super) fn system_table(&mut self, name: &Ident) -> Option<(Vec<Output>, Rel)> {
        let definition = self.system_definition(name)?;
        self.reads_system = true;
        let output: Vec<Output> =
            definition.columns.iter().map(|c| Output { id: self.column_id(), name: c.name.into(), data_type: (c.data_type)() }).collect();
        let rel = Rel::System(definition.table, output.iter().map(|o| o.id).collect());
        Some((output, rel))
    }

    fn system_definition(&mut self, name: &Ident) -> Option<&'static Definition> {
        let found = by_name(&name.name);
        if found.is_none() {
            let hint = match nearest(&name.name, TABLES.iter().map(|t| t.name)) {
                Some(near) => format!("did you mean `{SCHEMA}.{near}`?"),
                None => format!("there are {}", TABLES.iter().map(|t| t.name).collect::<Vec<_>>().join(", ")),
            };
            self.error_hint(code::NOUN, name.span, format!("there is no system table `{}`", name.name), hint);
        }
        found
    }

    /// The nouns of `system` and `system.parts`; None when the path leads elsewhere, Some(None) when it is wrong.
    pub(super) fn describe_system(&mut self, kind: Option<Kind>, path: &Path) -> Option<Option<Vec<Noun>>> {
        if kind.is_some() {
            return None;
        }
        if let Some(name) = name_of(path) {
            let definition = self.system_definition(name);
            return Some(definition.map(|d| std::iter::once(table_noun(d)).chain(column_nouns(d)).collect()));
        }
        let taken = self.catalog.resolve(SCHEMA).is_some();
        (!taken && path.parts.len() == 1 && path.parts[0].name == SCHEMA).then(|| Some(TABLES.iter().map(table_noun).collect()))
    }
}

fn table_noun(d: &Definition) -> Noun {
    Noun { name: format!("{SCHEMA}.{}", d.name), kind: "system table", data_type: None, comment: Some(d.comment.into()), definition: None }
}

fn column_nouns(d: &Definition) -> impl Iterator<Item = Noun> {
    d.columns.iter().map(|c| Noun {
        name: c.name.into(),
        kind: "column",
        data_type: Some((c.data_type)().to_string()),
        comment: Some(c.comment.into()),
        definition: None,
    })
}
