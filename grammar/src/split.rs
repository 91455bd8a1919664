//! Splits a text into statements: `;` ends one, wherever it stands outside quotes and comments.
//!
//! A `;` inside brackets ends the statement too. No statement may hold one there, and a bracket that was forgotten must
//! not swallow the statements after it.

use crate::token::{Token, TokenKind};

/// The tokens of each statement that has any, in text order.
pub(crate) fn statements(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    tokens.split(|t| t.kind == TokenKind::End).filter(|piece| !piece.is_empty())
}
