//! Files in, events and entities in a real store.
#![allow(clippy::unwrap_used, missing_docs)]

mod coercion;
mod damaged;
mod define;
mod elsewhere;
mod entities;
mod formats;
mod identity;
mod journey;
mod mixed;
mod rejects;
mod wire;
mod wire_entities;
mod wire_events;
mod world;
