//! # eql-grammar: text to syntax tree, and back
//!
//! Reads text, writes text, says what is wrong with text.
//!
//! It knows words, brackets and clauses. It does not know which events, properties or segments exist, nor what a
//! statement means: that is the compiler's.
//!
//! ```text
//! text ── split ── limit ── parser (eql.pest) ── build ──▶ ast ── print ──▶ text
//!                              │ stops
//!                              ├── recover ── classify ── suggest ──▶ diagnostic ── render
//!                              └── expect ──▶ what could stand at the cursor
//! ```
//!
//! Start with [`parse`].

pub mod ast;
mod build;
mod classify;
pub mod code;
pub mod diagnostic;
pub mod elsewhere;
mod expect;
mod format;
pub mod limit;
mod parse;
mod parser;
mod print;
mod recover;
mod render;
mod split;
mod stack;
pub mod suggest;
pub mod token;
pub mod word;

pub use ast::Statement;
pub use build::name_of;
pub use diagnostic::{Diagnostic, Place};
pub use expect::{Expectation, Want, expect};
pub use format::format;
pub use parse::{Parsed, parse, parse_duration, parse_expr, parse_range};
pub use print::{print, quote};
pub use recover::clauses;
pub use render::render;
pub use suggest::{nearest, nearest_fitting};
