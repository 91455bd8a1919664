//! The editor's requests, one by one.

use super::desk::{Desk, defines};
use super::names::Names;
use super::position::{offset, range, range_of};
use super::words;
use eql_engine::grammar::{format, quote};
use std::sync::{Mutex, MutexGuard};
use tower_lsp_server::jsonrpc::{Error, Result};
use tower_lsp_server::ls_types::*;
use tower_lsp_server::{Client, LanguageServer};

/// The command that reads the names of the data directory or the server again.
const READ_NAMES: &str = "eql.readNames";

/// One editor and what is on its desk.
pub(super) struct Backend {
    client: Client,
    names: Names,
    book: Option<String>,
    desk: Mutex<Desk>,
}

impl Backend {
    pub(super) fn new(client: Client, names: Names, book: Option<String>) -> Self {
        Self { client, names, book, desk: Mutex::default() }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reads the names from elsewhere; what goes wrong is shown and the names stay as they were.
    async fn read_names(&self) {
        let names = self.names.clone();
        let read = tokio::task::spawn_blocking(move || names.read()).await;
        match read {
            Ok(Ok(names)) => self.desk().know(names),
            Ok(Err(words)) => {
                let words = format!("names are those of the open files only: {words}");
                self.client.show_message(MessageType::WARNING, words).await;
            }
            Err(_) => {} // the process is ending
        }
        self.publish_all().await;
    }

    async fn publish_all(&self) {
        let files = self.desk().files();
        for file in files {
            self.publish(&file).await;
        }
    }

    async fn publish(&self, file: &str) {
        let Ok(uri) = file.parse::<Uri>() else { return };
        let found = {
            let desk = self.desk();
            let text = desk.text(file).unwrap_or_default();
            let wrong = desk.diagnostics(file);
            wrong.iter().map(|w| words::diagnostic(text, &uri, w, self.book.as_deref())).collect()
        };
        self.client.publish_diagnostics(uri, found, None).await;
    }

    /// A text is new or has changed. Its definitions may matter to the other files.
    async fn changed(&self, uri: &Uri, text: String) {
        let file = uri.as_str();
        let gives_names = defines(&text) || self.desk().text(file).is_some_and(defines);
        self.desk().put(file, text);
        self.publish(file).await;
        if gives_names {
            let others: Vec<String> = self.desk().files().into_iter().filter(|f| f != file).collect();
            for other in others {
                self.publish(&other).await;
            }
        }
    }
}

fn refused(words: String) -> Error {
    Error { message: words.into(), ..Error::invalid_request() }
}

impl LanguageServer for Backend {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        let capabilities = ServerCapabilities {
            text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some([".", "(", "[", "$", "`"].map(String::from).to_vec()),
                ..CompletionOptions::default()
            }),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            definition_provider: Some(OneOf::Left(true)),
            document_formatting_provider: Some(OneOf::Left(true)),
            document_symbol_provider: Some(OneOf::Left(true)),
            code_action_provider: Some(CodeActionProviderCapability::Simple(true)),
            rename_provider: Some(OneOf::Right(RenameOptions {
                prepare_provider: Some(true),
                work_done_progress_options: Default::default(),
            })),
            execute_command_provider: Some(ExecuteCommandOptions { commands: vec![READ_NAMES.to_owned()], ..Default::default() }),
            ..ServerCapabilities::default()
        };
        let server_info = ServerInfo { name: "eql".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
        Ok(InitializeResult { capabilities, server_info: Some(server_info), ..InitializeResult::default() })
    }

    async fn initialized(&self, _: InitializedParams) {
        self.read_names().await;
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.changed(&params.text_document.uri, params.text_document.text).await;
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        // Changes come as whole texts, as we ask for.
        if let Some(change) = params.content_changes.into_iter().next_back() {
            self.changed(&params.text_document.uri, change.text).await;
        }
    }

    async fn did_save(&self, _: DidSaveTextDocumentParams) {
        if self.names.cheap() {
            self.read_names().await;
        }
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.desk().close(params.text_document.uri.as_str());
        self.client.publish_diagnostics(params.text_document.uri, Vec::new(), None).await;
        self.publish_all().await;
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        if params.command != READ_NAMES {
            return Err(refused(format!("there is no command `{}`", params.command)));
        }
        self.read_names().await;
        Ok(None)
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let place = params.text_document_position;
        let (desk, file) = (self.desk(), place.text_document.uri.as_str());
        let Some(text) = desk.text(file) else { return Ok(None) };
        let found = eql_editor::complete(&desk.names_before(file), text, offset(text, place.position));
        let items = found.items.into_iter().enumerate().map(|(at, item)| words::item(text, at, item)).collect();
        Ok(Some(CompletionResponse::List(CompletionList { is_incomplete: found.incomplete, items })))
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let place = params.text_document_position_params;
        let (desk, file) = (self.desk(), place.text_document.uri.as_str());
        let Some(text) = desk.text(file) else { return Ok(None) };
        let said = eql_editor::hover(&desk.names(file), text, offset(text, place.position));
        Ok(said.map(|h| Hover {
            contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: h.markdown }),
            range: Some(range_of(text, h.span)),
        }))
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let place = params.text_document_position_params;
        let (desk, file) = (self.desk(), place.text_document.uri.as_str());
        let Some((texts, at)) = desk.texts(file) else { return Ok(None) };
        let text = texts.get(at).copied().unwrap_or_default();
        let Some((found, span)) = eql_editor::definition(&desk.names(file), &texts, at, offset(text, place.position)) else {
            return Ok(None);
        };
        let target = desk.files().get(found).and_then(|f| f.parse::<Uri>().ok());
        let text = texts.get(found).copied().unwrap_or_default();
        Ok(target.map(|uri| GotoDefinitionResponse::Scalar(Location { uri, range: range_of(text, span) })))
    }

    async fn prepare_rename(&self, place: TextDocumentPositionParams) -> Result<Option<PrepareRenameResponse>> {
        let (desk, file) = (self.desk(), place.text_document.uri.as_str());
        let Some((texts, at)) = desk.texts(file) else { return Ok(None) };
        let text = texts.get(at).copied().unwrap_or_default();
        let (span, placeholder) =
            eql_editor::nameable(&desk.names(file), &texts, at, offset(text, place.position)).map_err(|r| refused(r.0))?;
        Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range: range_of(text, span), placeholder }))
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let place = params.text_document_position;
        let (desk, file) = (self.desk(), place.text_document.uri.as_str());
        let Some((texts, at)) = desk.texts(file) else { return Ok(None) };
        let text = texts.get(at).copied().unwrap_or_default();
        let name = params.new_name.trim_matches('`');
        let places = eql_editor::rename(&desk.names(file), &texts, at, offset(text, place.position), name).map_err(|r| refused(r.0))?;
        let written = quote(name);
        let files = desk.files();
        let edit = |text: &str, span| TextEdit { range: range_of(text, span), new_text: written.clone() };
        let changes = files.iter().zip(texts.iter().zip(places)).filter_map(|(file, (text, spans))| {
            let edits: Vec<TextEdit> = spans.into_iter().map(|span| edit(text, span)).collect();
            Some((file.parse::<Uri>().ok()?, edits)).filter(|(_, edits)| !edits.is_empty())
        });
        Ok(Some(words::edits(changes)))
    }

    async fn formatting(&self, params: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let desk = self.desk();
        let Some(text) = desk.text(params.text_document.uri.as_str()) else { return Ok(None) };
        // What is wrong with the text is told by its diagnostics.
        let Ok(formatted) = format(text) else { return Ok(None) };
        let whole = TextEdit { range: range(text, 0, text.len()), new_text: formatted };
        Ok(Some(if whole.new_text == text { Vec::new() } else { vec![whole] }))
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        let desk = self.desk();
        let Some(text) = desk.text(params.text_document.uri.as_str()) else { return Ok(None) };
        Ok(Some(DocumentSymbolResponse::Nested(words::symbols(text, eql_editor::outline(text)))))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let (desk, uri) = (self.desk(), params.text_document.uri);
        let Some(text) = desk.text(uri.as_str()) else { return Ok(None) };
        let (from, to) = (offset(text, params.range.start), offset(text, params.range.end));
        let near = desk.diagnostics(uri.as_str()).into_iter().filter(|w| w.span.start <= to && from <= w.span.end);
        let repairs = near.filter_map(|w| words::repair(text, &uri, &w, self.book.as_deref()));
        Ok(Some(repairs.map(CodeActionOrCommand::CodeAction).collect()))
    }
}
