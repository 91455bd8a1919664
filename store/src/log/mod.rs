//! The log: the truth. What is durable here is acknowledged; everything else can be made from it.
//!
//! ```text
//! Record → Frame → writer (group commit, fdatasync) → segment files → replay → Record
//! ```

mod copy;
mod frame;
mod identity;
mod record;
mod replay;
mod survey;
mod table;
mod tail;
mod writer;

pub(crate) use copy::{Copied, copy};
pub(crate) use frame::Stamp;
pub(crate) use identity::AdmittedIdentities;
pub use identity::IdentityDeed;
pub(crate) use record::{
    AdmittedEntities, AdmittedEvents, AdmittedMembers, AdmittedTagValues, AdmittedVersion, Payload, Place, Record, Removal,
};
pub(crate) use replay::{replay, segments};
pub(crate) use survey::{Survey, survey};
pub(crate) use tail::{Logged, Tail};
pub(crate) use writer::{Keep, Log, Ticket};
