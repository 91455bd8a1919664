//! How much SQL a text may hold, seen to before it is parsed: the parser makes a chain of operators a tree as deep as the chain is long, and
//! trees are dropped and evaluated on the stack.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// As for the Entity Query Language.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Operators and key words; lists of values have none, however long they are.
const OPERATORS_MAX: usize = 500;
/// Queries inside expressions inside each other: DataFusion looks at each once for every query around it and once for itself, twice as long with
/// each level.
const INNER_QUERIES_MAX: usize = 12;

/// Why a text is not even parsed.
pub(super) fn refused(text: &str) -> Option<String> {
    if text.len() > TEXT_BYTES_MAX {
        return Some(format!("a text has at most {TEXT_BYTES_MAX} bytes, this one has {}", text.len()));
    }
    // What cannot be cut into words is the parser's to report.
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().ok()?;
    let deep = inner_queries(&tokens);
    if deep > INNER_QUERIES_MAX {
        return Some(format!(
            "queries in conditions stand at most {INNER_QUERIES_MAX} deep inside each other, these {deep}: give inner ones a name with WITH"
        ));
    }
    let operators = tokens.iter().filter(|t| chains(t)).count();
    (operators > OPERATORS_MAX)
        .then(|| format!("a text has at most {OPERATORS_MAX} operators and key words, this one has {operators}: IN (…) takes long lists"))
}

/// How deep queries stand inside expressions of each other. Those of FROM, of WITH and of set operations are no matter.
fn inner_queries(tokens: &[Token]) -> usize {
    let mut open: Vec<bool> = Vec::new();
    let mut deepest = 0;
    let mut written = tokens.iter().filter(|t| !matches!(t, Token::Whitespace(_))).peekable();
    let mut before = None;
    while let Some(token) = written.next() {
        match token {
            Token::LParen => {
                let query = written.peek().is_some_and(|t| matches!(keyword(t), Some(Keyword::SELECT | Keyword::WITH | Keyword::VALUES)));
                open.push(query && before.is_none_or(|t| !matches!(keyword(t), Some(Keyword::FROM | Keyword::JOIN | Keyword::AS))));
                deepest = deepest.max(open.iter().filter(|inner| **inner).count());
            }
            Token::RParen => drop(open.pop()),
            _ => {}
        }
        before = Some(token);
    }
    deepest
}

fn keyword(token: &Token) -> Option<Keyword> {
    if let Token::Word(w) = token { Some(w.keyword) } else { None }
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

    #[test]
    fn queries_in_conditions_are_bounded_and_those_of_from_are_not() {
        let nested = |n: usize| format!("SELECT 1 WHERE 1 IN {}1{}", "(SELECT 1 WHERE 1 = ".repeat(n), ")".repeat(n));
        assert_eq!(refused(&nested(INNER_QUERIES_MAX)), None);
        assert!(refused(&nested(INNER_QUERIES_MAX + 1)).is_some_and(|why| why.contains("deep")));
        assert_eq!(refused(&format!("{}SELECT 1{}", "SELECT * FROM (".repeat(40), ")".repeat(40))), None);
    }
}
