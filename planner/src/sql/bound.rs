//! How much SQL a text may hold, seen to before it is parsed: the parser makes a chain of operators a tree as deep as the chain is long, and
//! trees are dropped and evaluated on the stack.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// As for the Entity Query Language.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Operators and key words; lists of values have none, however long they are.
const OPERATORS_MAX: usize = 500;

/// Why a text is not even parsed.
pub(super) fn refused(text: &str) -> Option<String> {
    if text.len() > TEXT_BYTES_MAX {
        return Some(format!("a text has at most {TEXT_BYTES_MAX} bytes, this one has {}", text.len()));
    }
    // What cannot be cut into words is the parser's to report.
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().ok()?;
    let operators = tokens.iter().filter(|t| chains(t)).count();
    (operators > OPERATORS_MAX)
        .then(|| format!("a text has at most {OPERATORS_MAX} operators and key words, this one has {operators}: IN (…) takes long lists"))
}

fn chains(token: &Token) -> bool {
    match token {
        Token::Word(w) => w.keyword != Keyword::NoKeyword,
        Token::Comma | Token::LParen | Token::RParen | Token::SemiColon | Token::Whitespace(_) | Token::Number(..) | Token::EOF => false,
        Token::SingleQuotedString(_) | Token::Placeholder(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_bounded_and_lists_are_not() {
        let values = vec!["'x'"; 50_000].join(", ");
        assert_eq!(refused(&format!("SELECT a FROM t WHERE b IN ({values})")), None);
        assert!(refused(&format!("SELECT 1{}", " + 1".repeat(OPERATORS_MAX))).is_some());
        assert!(refused(&" ".repeat(TEXT_BYTES_MAX + 1)).is_some());
        assert_eq!(refused("SELECT 'open"), None);
    }
}
