//! The language server: what editors ask, in the Language Server Protocol.
//!
//! ```text
//! stdin → server (one request at a time) → desk (open files, names) → eql-editor → words (their types) → stdout
//! ```

mod desk;
mod names;
mod position;
mod server;
mod words;

use crate::failure::Failure;
use crate::place::PlaceArgs;
use crate::wait::Waiter;
use names::Names;
use server::Backend;
use tower_lsp_server::{LspService, Server};

/// Serves one editor until it says goodbye.
pub(crate) fn serve(place: Option<PlaceArgs>, book: Option<String>, waiter: &Waiter) -> Result<(), Failure> {
    let names = Names::new(place, waiter.clone());
    let (service, socket) = LspService::new(|client| Backend::new(client, names, book));
    let serving = async move {
        // One after the other: a change must be in before the question that follows it is answered.
        Server::new(tokio::io::stdin(), tokio::io::stdout(), socket).concurrency_level(1).serve(service).await;
    };
    // On a thread of the runtime: its stack is deep enough for deeply nested statements.
    waiter.wait(async { tokio::spawn(serving).await })?.map_err(|e| Failure::of("the language server broke off", &e))
}
