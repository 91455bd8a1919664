//! # eql-engine: the façade
//!
//! One door for everything a program can ask of a data directory: query, ingest, define, check, format.
//! It knows no wire format: the server turns its answers into Flight, HTTP and JSON, the command line into tables.
//!
//! ```text
//! text → parse → bind → plan → execute → batches        Engine::run
//! file → read → admit → append → apply                  Engine::import
//! body → records → group → append → answer              Engine::ingest
//! key → ordinal → row                                   Engine::profile
//! commit → members → change log → subscribers            live.rs
//! ```
//! Start with [`Engine::run`] in `query.rs` and read downwards.
#![forbid(unsafe_code)]

pub mod admin;
mod admission;
mod answer;
mod cache;
mod change;
mod check;
mod engine;
mod erased;
mod error;
mod explain;
mod ingest;
mod insert;
mod json;
mod limit;
mod live;
mod peak;
mod profile;
mod published;
mod query;
mod reevaluate;
mod refresh;
mod rows;
mod schedule;
mod segments;
mod session;
mod sql;
mod statements;
mod subscribe;
mod subscriptions;
mod system;
mod words;

pub use answer::{Answer, ResultColumn, Rows, Warnings};
pub use cache::CacheStats;
pub use check::check_text;
pub use engine::{Engine, EngineOptions, EngineStats};
pub use error::EngineError;
pub use limit::Limits;
pub use profile::{By, JourneyEvent, JourneyPage, Profile};
pub use session::{Params, Session};
pub use subscribe::{DeadLetter, Delivery};

pub use eql_live::{Start, SubscriptionState};
pub use eql_store::StoreStats;

pub use eql_catalog as catalog;
pub use eql_grammar as grammar;
pub use eql_planner::{SqlTable, sql_tables};
pub use eql_store::PartsAt;
pub use eql_stream as stream;
