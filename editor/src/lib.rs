//! # eql-editor: what an editor asks of a text
//!
//! What could stand at the cursor, what the word under it means, where that was defined, what must change when it gets another name.
//! Pure functions of texts and a catalog. It knows no editor and no wire: the server turns its answers into JSON, the command line into
//! candidates of its shell and messages of the language server.
//!
//! ```text
//! text, cursor ── grammar::expect ──▶ classes of words ─┐
//!        └─────── site ── frame ── scope ──▶ names ─────┴── offer ──▶ completions
//!                            └── meaning ──▶ hover, definition, rename
//! ```
//! Start with [`complete`].
#![forbid(unsafe_code)]

mod complete;
mod definition;
mod frame;
mod hover;
mod meaning;
mod outline;
mod rename;
mod scope;
mod site;
mod source;

pub use eql_compiler::{Against, Checked, catalog_of, check};

pub use complete::{Completion, Item, Kind, Replace, complete, words_of_language};
pub use definition::{Defined, definition, definitions_of};
pub use hover::{Hover, hover};
pub use outline::{Entry, outline};
pub use rename::{Refused, nameable, rename};
