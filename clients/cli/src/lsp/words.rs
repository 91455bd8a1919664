//! Our answers in the protocol's types.

use super::position::{range, range_of};
use eql_editor::{Entry, Item, Kind};
use eql_engine::grammar::Diagnostic as Wrong;
use std::collections::HashMap;
use tower_lsp_server::ls_types::{
    CodeAction, CodeActionKind, CodeDescription, CompletionItem, CompletionItemKind, CompletionTextEdit, Diagnostic,
    DiagnosticRelatedInformation, DiagnosticSeverity, DocumentSymbol, Documentation, Location, MarkupContent, MarkupKind, NumberOrString,
    SymbolKind, TextEdit, Uri, WorkspaceEdit,
};

/// A diagnostic of the file `uri`; its code links to its page if it is known where the book is.
pub(super) fn diagnostic(text: &str, uri: &Uri, wrong: &Wrong, book: Option<&str>) -> Diagnostic {
    let page = book.map(|book| format!("{}/errors/{}.html", book.trim_end_matches('/'), wrong.code));
    let labels = wrong.labels.iter().map(|l| DiagnosticRelatedInformation {
        location: Location { uri: uri.clone(), range: range(text, l.span.start, l.span.end) },
        message: l.message.clone(),
    });
    let labels: Vec<_> = labels.collect();
    Diagnostic {
        range: range(text, wrong.span.start, wrong.span.end),
        severity: Some(if wrong.is_error() { DiagnosticSeverity::ERROR } else { DiagnosticSeverity::WARNING }),
        code: Some(NumberOrString::String(wrong.code.to_owned())),
        code_description: page.and_then(|p| p.parse().ok()).map(|href| CodeDescription { href }),
        source: Some("eql".to_owned()),
        message: wrong.hint.as_ref().map_or_else(|| wrong.message.clone(), |hint| format!("{}\nhelp: {hint}", wrong.message)),
        related_information: Some(labels).filter(|l| !l.is_empty()),
        ..Diagnostic::default()
    }
}

/// The repair of a diagnostic, if it has one.
pub(super) fn repair(text: &str, uri: &Uri, wrong: &Wrong, book: Option<&str>) -> Option<CodeAction> {
    let fix = wrong.fix.as_ref()?;
    let old = text.get(fix.span.start..fix.span.end)?;
    let title = match (old.is_empty(), fix.text.is_empty()) {
        (true, _) => format!("insert `{}`", fix.text.trim()),
        (false, true) => format!("take `{}` away", old.trim()),
        (false, false) => format!("replace `{old}` by `{}`", fix.text),
    };
    let edit = TextEdit { range: range(text, fix.span.start, fix.span.end), new_text: fix.text.clone() };
    Some(CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(text, uri, wrong, book)]),
        edit: Some(edits([(uri.clone(), vec![edit])])),
        is_preferred: Some(true),
        ..CodeAction::default()
    })
}

/// Edits of several files.
pub(super) fn edits(changes: impl IntoIterator<Item = (Uri, Vec<TextEdit>)>) -> WorkspaceEdit {
    let changes: HashMap<Uri, Vec<TextEdit>> = changes.into_iter().collect();
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}

/// A completion; `at` keeps our order, as editors sort by themselves.
pub(super) fn item(text: &str, at: usize, item: Item) -> CompletionItem {
    let edit = TextEdit { range: range(text, item.replace.start, item.replace.end), new_text: item.insert.clone() };
    let documentation = item.documentation.map(|value| MarkupContent { kind: MarkupKind::Markdown, value });
    let quoted = text.get(item.replace.start..).is_some_and(|rest| rest.starts_with(['`', '"']));
    CompletionItem {
        filter_text: quoted.then(|| item.insert.clone()),
        label: item.label,
        kind: Some(kind(item.kind)),
        detail: Some(item.detail).filter(|d| !d.is_empty()),
        documentation: documentation.map(Documentation::MarkupContent),
        sort_text: Some(format!("{at:04}")),
        text_edit: Some(CompletionTextEdit::Edit(edit)),
        ..CompletionItem::default()
    }
}

fn kind(kind: Kind) -> CompletionItemKind {
    match kind {
        Kind::Keyword | Kind::Clause => CompletionItemKind::KEYWORD,
        Kind::Function => CompletionItemKind::FUNCTION,
        Kind::Entity => CompletionItemKind::CLASS,
        Kind::Event => CompletionItemKind::EVENT,
        Kind::Property => CompletionItemKind::FIELD,
        Kind::Tag => CompletionItemKind::PROPERTY,
        Kind::Relation => CompletionItemKind::REFERENCE,
        Kind::Segment => CompletionItemKind::ENUM,
        Kind::Metric => CompletionItemKind::CONSTANT,
        Kind::Session => CompletionItemKind::STRUCT,
        Kind::Alias => CompletionItemKind::VARIABLE,
        Kind::Table => CompletionItemKind::MODULE,
        Kind::Setting | Kind::Value => CompletionItemKind::VALUE,
        Kind::Unit => CompletionItemKind::UNIT,
        Kind::Type => CompletionItemKind::TYPE_PARAMETER,
    }
}

/// The outline: each statement, the properties of a definition inside it.
#[expect(deprecated, reason = "the type has a field that is deprecated and must be given")]
pub(super) fn symbols(text: &str, entries: Vec<Entry>) -> Vec<DocumentSymbol> {
    let mut all: Vec<DocumentSymbol> = Vec::new();
    let mut last_statement = None;
    for entry in entries {
        let inside = last_statement == Some(entry.statement.start);
        let whole = if inside { entry.span } else { entry.statement };
        let symbol = DocumentSymbol {
            name: entry.name,
            detail: Some(entry.kind.to_owned()),
            kind: symbol_kind(entry.kind),
            tags: None,
            deprecated: None,
            range: range_of(text, whole),
            selection_range: range_of(text, entry.span),
            children: None,
        };
        match all.last_mut() {
            Some(parent) if inside => parent.children.get_or_insert_default().push(symbol),
            _ => all.push(symbol),
        }
        last_statement = Some(entry.statement.start);
    }
    all
}

fn symbol_kind(kind: &str) -> SymbolKind {
    match kind {
        "entity" => SymbolKind::CLASS,
        "event" => SymbolKind::EVENT,
        "property" => SymbolKind::FIELD,
        "tag" => SymbolKind::PROPERTY,
        "relation" => SymbolKind::INTERFACE,
        "metric" => SymbolKind::CONSTANT,
        "session" => SymbolKind::STRUCT,
        "segment" => SymbolKind::ENUM,
        _ => SymbolKind::FUNCTION,
    }
}
