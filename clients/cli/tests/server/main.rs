//! A server as a process, when things go wrong around it.

mod exhausted;
mod killed;
mod process;
