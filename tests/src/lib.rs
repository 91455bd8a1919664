//! # eql-tests: what the test programs share
//!
//! The sample in a data directory of its own, opened once for a test program, the small world of the examples, and results as plain cells. It knows the engine's door and nothing
//! behind it.
//!
//! ```text
//! demo/completejourney → world() → World::ask(session, text) → Told
//! ```
//! Start with [`world`].

mod beginning;
mod cell;
mod examples;
mod small;
mod world;

pub use cell::{Cell, Table};
pub use examples::{EXAMPLES_CLOCK, example_world, examples, statements};
pub use small::Small;
pub use world::{Told, World, root, thinned_world, world};
