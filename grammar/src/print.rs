//! Writes a tree as canonical text: keywords upper case, ranges lower case, one clause a line where a line is not enough.
//!
//! Brackets are not in the tree, so the printer decides where they are needed. A few expressions are open to the right
//! (`DID …` takes qualifiers, `IN SEGMENT …` takes AS OF and set operators); where something may follow that they would
//! swallow, they are put in brackets.

mod clause;
mod define;
pub(crate) mod expression;
mod layout;
mod query;
mod statement;
mod step;
mod time;

use crate::ast::{Ident, Path, Statement};
use crate::parser::{begins_name, continues_name};
use crate::word::{FRAGILE, RESERVED, among};

/// The canonical text of one statement, without a closing `;`.
pub fn print(statement: &Statement) -> String {
    layout::fit(statement::parts(statement))
}

/// A name as it is written in a text: in backquotes where it must be.
pub fn quote(name: &str) -> String {
    if bare(name) { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

fn name(ident: &Ident) -> String {
    quote(&ident.name)
}

fn bare(name: &str) -> bool {
    let word = name.strip_prefix('$').unwrap_or(name);
    let mut letters = word.chars();
    letters.next().is_some_and(begins_name) && letters.all(continues_name) && !among(name, &RESERVED) && !among(name, &FRAGILE)
}

fn path(path: &Path) -> String {
    path.parts.iter().map(name).collect::<Vec<_>>().join(".")
}

/// A text in single quotes.
fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Printed members with commas between them.
fn list<T>(members: &[T], one: impl Fn(&T) -> String) -> String {
    members.iter().map(one).collect::<Vec<_>>().join(", ")
}
