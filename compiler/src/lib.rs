//! # eql-compiler: what a text means
//!
//! A pure function of (syntax tree, catalog, parameters): names become columns, events, entities; types are found; clauses are held against
//! what their head allows. The answer is a bound query or diagnostics, never both. No IO, no clock, no execution.
//!
//! ```text
//! Statement ── bind/ ──▶ bound::Statement ── rewrite ──▶ the planner
//!                 └────▶ diagnostics: everything wrong with the text, at once
//! ```
//! Start with [`bind`]. One construct has one file in `bind/`; `function.rs` is the one table of functions,
//! `clause.rs` that of clauses.
#![forbid(unsafe_code)]

mod bind;
pub mod bound;
mod check;
pub mod clause;
pub mod code;
pub mod function;
mod rewrite;
pub mod setting;
pub mod system;

pub use bind::{Context, Noun, ParamValues, Schedule, bind, membership, nouns, schedule, users, uses};
pub use check::{Against, Checked, catalog_of, check};
pub use eql_grammar as grammar;
