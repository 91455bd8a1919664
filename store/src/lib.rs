//! # eql-store: what happened, and what is known
//!
//! The log of accepted batches, the entities (columns in memory, rows in a key-value store), the events (parts: columns clustered by
//! subject and time) and snapshots of all of it as Arrow. It knows no EQL and no DataFusion: it takes and gives arrays.
//!
//! ```text
//! EventBatch → Store::append_events → log (durable: acknowledged) → applied: hot rows, entities
//!                                                                    ↓ checkpoint
//! Snapshot ← Store::snapshot ← entity columns, hot rows, parts  ←  parts, entity snapshots, manifest
//! ```
//! The log alone acknowledges; everything else can be rebuilt from the last checkpoint and the log's tail.
//! Start with [`Store::open`]; `store.rs` has the writing side, [`Snapshot`] the reading side.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admit;
mod amend;
mod apply;
mod arrow_type;
mod backup;
mod batch;
mod cache;
mod checkpoint;
mod clock;
mod coded;
mod compaction;
mod dedupe;
mod disk;
mod documents;
mod entity;
mod error;
mod excerpt;
mod fed;
mod feed;
mod figures;
mod files;
pub mod framed;
mod grown;
mod hold;
mod hot;
mod identity;
mod ipc;
mod kv;
mod limit;
mod lock;
mod log;
mod manifest;
mod named;
mod open;
mod options;
mod part;
mod pipeline;
mod recent;
mod redefine;
mod refreshes;
mod rejected;
mod removal;
mod rows;
mod sealed;
mod snapshot;
mod store;
mod timeline;
mod upgrade;
mod upkeep;
mod verify;
mod version;

pub use arrow_type::arrow_type;
pub use backup::{BackupReport, Beside, RESTORED, RestoreReport, RestoreRequest, restore};
pub use batch::{Appended, EntityBatch, EntityColumn, EntityOperation, EventBatch};
pub use clock::Clock;
pub use coded::CodedColumn;
pub use compaction::Compacted;
pub use entity::{EntityColumns, EntityRow, History, array_of, value_at};
pub use error::StoreError;
pub use feed::{Committed, Feed, FeedEvents, Merged, Removed, Touched, What};
pub use figures::{EntityStats, PartStats};
pub use files::{Between, Files, OpenFile, OsFiles, stand_between};
pub use identity::{ConflictKind, EventIdentity, IdentityBatch, IdentityConflict, IdentityStats, Joined, KnownIdentifier, is_identifier};
pub use log::IdentityDeed;
pub use options::{StoreOptions, StoreStats};
pub use part::PartsAt;
pub use recent::{Before, RecentEvent};
pub use refreshes::Refreshed;
pub use rejected::RejectedRow;
pub use rows::{EventColumn, EventRows};
pub use snapshot::Snapshot;
pub use store::Store;
pub use timeline::{Gathering, Known, Timeline, Timelines};
pub use upgrade::{Upgraded, upgrade};
pub use verify::{Problem, Unfinished, VerifyReport, verify};
pub use version::{Kept, VersionBatch};
