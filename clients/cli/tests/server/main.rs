//! A server as a process, when things go wrong around it.

mod exhausted;
mod followed;
mod killed;
mod process;
mod view;
mod ways;
