//! What can be told before the first row is admitted.

use super::columns::{find, known_names, named};
use crate::error::nearest;
use crate::{ImportError, ImportRequest, Received, Target};
use eql_catalog::Catalog;

/// The target exists, or may be defined.
pub(crate) fn target(catalog: &Catalog, request: &ImportRequest) -> Result<(), ImportError> {
    let (name, known) = match &request.target {
        Target::Events => return Ok(()),
        Target::Event(name) => (name, catalog.event(name).is_some()),
        Target::Entity(name) => (name, catalog.entity(name).is_some()),
    };
    if !known && (!request.define || catalog.resolve(name).is_some()) { Err(unknown(catalog, name)) } else { Ok(()) }
}

pub(crate) fn unknown(catalog: &Catalog, name: &str) -> ImportError {
    match Target::parse(catalog, name) {
        Err(error) => error,
        Ok(_) => ImportError::UnknownTarget { word: name.to_string(), nearest: None },
    }
}

/// The columns that options name and that the target cannot do without are there. `complete`: no further columns can turn up.
/// `new`: the target is still to be defined.
pub(crate) fn columns(file: &str, columns: &[String], request: &ImportRequest, complete: bool, new: bool) -> Result<(), ImportError> {
    let mapped = |c: &str| request.map.iter().any(|(from, to)| to == c && columns.contains(from));
    let there = |c: &&String| columns.contains(c) || mapped(c);
    let wanted = request.map.iter().map(|(from, _)| ("--map", from)).filter(|(_, c)| !columns.contains(c));
    let wanted = wanted.chain(ids(request).filter(|(_, c)| !there(c)));
    if let Some((option, column)) = wanted.into_iter().next().filter(|_| complete) {
        return Err(unknown_column(file, option, column, columns));
    }
    duplicates(file, columns, request)?;
    system(file, columns, request, new)
}

/// The columns that are to be passed over are there: a slip would let one in.
pub(crate) fn ignored(file: &str, columns: &[String], request: &ImportRequest) -> Result<(), ImportError> {
    let Some(column) = request.ignore.iter().find(|c| !columns.contains(c)) else { return Ok(()) };
    Err(unknown_column(file, "--ignore", column, columns))
}

fn unknown_column(file: &str, option: &'static str, column: &str, columns: &[String]) -> ImportError {
    let nearest = nearest(column, columns.iter().map(String::as_str));
    ImportError::UnknownColumn { file: file.to_string(), option, column: column.to_string(), nearest, columns: columns.to_vec() }
}

fn ids(request: &ImportRequest) -> impl Iterator<Item = (&'static str, &String)> {
    let received = match &request.received {
        Received::Column(name) => Some(name),
        _ => None,
    };
    request.id.iter().map(|c| ("--id", c)).chain(received.map(|c| ("--received", c)))
}

/// Every column that an option names.
pub(crate) fn named_by_options(request: &ImportRequest) -> impl Iterator<Item = (&'static str, &String)> {
    request.map.iter().map(|(from, _)| ("--map", from)).chain(ids(request))
}

fn duplicates(file: &str, columns: &[String], request: &ImportRequest) -> Result<(), ImportError> {
    let repeated = |names: &[&String]| names.iter().enumerate().find(|(i, n)| names[..*i].contains(n)).map(|(_, n)| n.to_string());
    let own: Vec<&String> = columns.iter().collect();
    let fed: Vec<&String> = request.map.iter().filter(|(from, _)| columns.contains(from)).map(|(_, to)| to).collect();
    match repeated(&own).or_else(|| repeated(&fed)) {
        Some(name) => Err(ImportError::DuplicateColumn { file: file.to_string(), name }),
        None => Ok(()),
    }
}

fn system(file: &str, columns: &[String], request: &ImportRequest, new: bool) -> Result<(), ImportError> {
    let named = named(columns, &request.map);
    let (file, columns) = (file.to_string(), columns.to_vec());
    match &request.target {
        Target::Events if find(&named, "event").is_none() => {
            let guess = guess(&columns, &["event", "event_type", "event_name", "type", "name", "action"]);
            Err(ImportError::NoEventColumn { file, columns, guess })
        }
        // An unknown event of a file without times is an entity that is to be defined.
        Target::Event(_) if new => Ok(()),
        Target::Events | Target::Event(_) if find(&named, "time").is_none() => {
            let guess = guess(&columns, &["time", "ts", "timestamp", "event_time", "occurred_at", "created_at", "at", "date", "datetime"]);
            Err(ImportError::NoTimeColumn { file, columns, guess })
        }
        _ => Ok(()),
    }
}

/// A column by a usual name, else one whose name contains it.
fn guess(columns: &[String], usual: &[&str]) -> Option<String> {
    let lower = |c: &String| c.to_lowercase();
    let exact = usual.iter().find_map(|u| columns.iter().find(|c| lower(c) == *u));
    exact.or_else(|| columns.iter().find(|c| usual.iter().any(|u| u.len() > 2 && lower(c).contains(u)))).cloned()
}

/// What `--map` maps to is known, or may be defined.
pub(crate) fn map(catalog: &Catalog, request: &ImportRequest) -> Result<(), ImportError> {
    let known = known_names(catalog, &request.target);
    let Some((column, property)) = request.map.iter().find(|(_, to)| !known.contains(to)).filter(|_| !request.define) else {
        return Ok(());
    };
    let owner = match &request.target {
        Target::Events => "no event".to_string(),
        Target::Event(name) => format!("event `{name}`"),
        Target::Entity(name) => format!("entity `{name}`"),
    };
    let nearest = nearest(property, known.iter().map(String::as_str));
    Err(ImportError::UnknownProperty { column: column.clone(), property: property.clone(), owner, nearest })
}
