//! Identity: who is the same as whom.
//!
//! An *identifier* is a value of an identity that an entity type declares (`IDENTITIES`), and belongs to one entity at a time. Rows keep the
//! ordinal that they were written with; a *merge* makes several ordinals one entity, of which one, its *root*, stands for the others.
//! Which one it is readers look up: so a merge reaches back to the first event, and can be taken back.
//!
//! ```text
//! record ── apply.rs ─▶ Identities ─┬─ Book: identifier → whose it is, and was
//!                                   ├─ Merges: edges → Roots, now or as of a time ─▶ EntityColumns, EventRows, Timeline
//!                                   ├─ Conflicts: what was said and not done
//!                                   └─ Joined: who became one by this record ─▶ a feed of commits
//! ```

mod admit;
mod apart;
mod apply;
mod book;
mod conflict;
mod file;
mod identities;
mod merges;
mod read;
mod roots;

pub(crate) use admit::event_identities;
pub use admit::{EventIdentity, IdentityBatch, is_identifier};
pub(crate) use apart::{NamedBy, is_named_by, named_by};
pub(crate) use apply::AllIdentities;
pub use conflict::ConflictKind;
pub(crate) use file::{read_identities, to_bytes};
pub use identities::Joined;
pub(crate) use merges::Edges;
pub use read::{IdentityConflict, IdentityStats, KnownIdentifier};
pub(crate) use roots::Roots;
