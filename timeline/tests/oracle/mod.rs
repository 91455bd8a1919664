//! Slow and obvious twins of the folds: they enumerate everything and follow the rules word by word.
#![allow(dead_code, unreachable_pub)]

pub mod funnel;
pub mod interval;
pub mod retention;
pub mod sequence;
pub mod session;
