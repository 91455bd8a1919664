//! Every diagnostic of the grammar once: its code, its title, and what the manual says about it.

/// A code with its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable, such as `EQL0103`.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// Why it happens and what to do, for the manual.
    pub explanation: &'static str,
}

pub(crate) const UNKNOWN_CHARACTER: &str = "EQL0101";
pub(crate) const UNBALANCED: &str = "EQL0102";
pub(crate) const UNKNOWN_CLAUSE: &str = "EQL0103";
pub(crate) const UNKNOWN_STATEMENT: &str = "EQL0104";
pub(crate) const MISSPELT: &str = "EQL0105";
pub(crate) const UNCLOSED: &str = "EQL0106";
pub(crate) const FOREIGN: &str = "EQL0107";
pub(crate) const INCOMPLETE_PATH: &str = "EQL0108";
pub(crate) const UNKNOWN_UNIT: &str = "EQL0109";
pub(crate) const EXPECTED: &str = "EQL0110";
pub(crate) const RESERVED_WORD: &str = "EQL0111";
pub(crate) const LENGTH_NOT_RANGE: &str = "EQL0112";
pub(crate) const RANGE_NOT_LENGTH: &str = "EQL0113";
pub(crate) const MISSING_TIMES: &str = "EQL0114";
pub(crate) const UNBRACKETED_CONDITION: &str = "EQL0115";
pub(crate) const DOUBLE_QUOTED: &str = "EQL0116";
pub(crate) const NUMBER_TOO_LARGE: &str = "EQL0117";
pub(crate) const TEXT_TOO_LONG: &str = "EQL0120";
pub(crate) const TOO_DEEP: &str = "EQL0121";
pub(crate) const TOO_MANY_NODES: &str = "EQL0122";
pub(crate) const TOO_MANY_STATEMENTS: &str = "EQL0123";
pub(crate) const TOO_MANY_ERRORS: &str = "EQL0124";
pub(crate) const TOO_COSTLY: &str = "EQL0125";
pub(crate) const FAULT: &str = "EQL0199";

/// All codes of the grammar, in order.
pub const CODES: &[Code] = &[
    Code {
        code: UNKNOWN_CHARACTER,
        title: "unknown character",
        explanation: "The text holds a character that belongs to no token, such as `#` or a full-width bracket. Every character outside \
                      the language is an error, named with its code point; inside 'texts', `names` and comments all are allowed.",
    },
    Code {
        code: UNBALANCED,
        title: "unbalanced bracket",
        explanation: "A `(`, `[` or CASE has no end, or an end has no beginning. The place is the opening one, because that is where \
                      the mistake is looked for.",
    },
    Code {
        code: UNKNOWN_CLAUSE,
        title: "unknown clause",
        explanation: "A word stands where a clause may begin and is none. The nearest clause is suggested.",
    },
    Code {
        code: UNKNOWN_STATEMENT,
        title: "unknown statement",
        explanation: "A statement begins with its head: a query such as FIND, TREND or FUNNEL, a definition with DEFINE, or one of \
                      INSERT, REFRESH, DROP, SHOW, DESCRIBE, SUBSCRIBE, SET and EXPLAIN.",
    },
    Code {
        code: MISSPELT,
        title: "misspelt keyword",
        explanation: "A word stands where a certain keyword is wanted and is one or two letters away from it.",
    },
    Code {
        code: UNCLOSED,
        title: "unclosed quote or comment",
        explanation: "A 'text', a `name` or a /* comment */ has no end. A quote inside a text is written twice: 'it''s'.",
    },
    Code {
        code: FOREIGN,
        title: "habit of another language",
        explanation: "The text uses a sign or word of another query language. The hint gives the way it is written here.",
    },
    Code {
        code: INCOMPLETE_PATH,
        title: "incomplete path",
        explanation: "A path ends with a dot: a property or a relation is missing after it.",
    },
    Code {
        code: UNKNOWN_UNIT,
        title: "unknown unit of time",
        explanation: "The units are millisecond, second, minute, hour, day, week, month, quarter and year, singular, plural or short.",
    },
    Code {
        code: EXPECTED,
        title: "something else expected",
        explanation: "The statement cannot go on with what stands here. The message names what could.",
    },
    Code {
        code: RESERVED_WORD,
        title: "reserved word as a name",
        explanation: "About forty words cannot be bare names, because a statement could then be read in two ways. In backquotes they can: \
                      `limit`.",
    },
    Code {
        code: LENGTH_NOT_RANGE,
        title: "a length is wanted, not a range",
        explanation: "WITHIN takes a length of time (WITHIN 7 days), DURING takes a range (DURING last 7 days).",
    },
    Code {
        code: RANGE_NOT_LENGTH,
        title: "a range is wanted",
        explanation: "DURING takes a range: last 30 days, this week, '2026-01-01' TO '2026-01-31', since '2026-01-01', all time.",
    },
    Code {
        code: MISSING_TIMES,
        title: "how often what",
        explanation: "AT LEAST, AT MOST, EXACTLY, MORE THAN and FEWER THAN after DID say how many TIMES; ON AT LEAST 5 DAYS says on how many days.",
    },
    Code {
        code: UNBRACKETED_CONDITION,
        title: "event with a condition without brackets",
        explanation: "An event with a condition is always in brackets: DID [purchase WHERE amount > 100]. Otherwise it could not be \
                      told where the condition ends.",
    },
    Code {
        code: DOUBLE_QUOTED,
        title: "name where a text is wanted",
        explanation: "Single quotes make a text, double quotes and backquotes make a name.",
    },
    Code { code: NUMBER_TOO_LARGE, title: "number too large", explanation: "A count is a whole number of at most 64 bits." },
    Code {
        code: TEXT_TOO_LONG,
        title: "text too long",
        explanation: "A text of statements has at most 1 MiB. Data is imported, not written into statements.",
    },
    Code {
        code: TOO_DEEP,
        title: "nested too deep",
        explanation: "Brackets, CASE and LIST nest at most 64 levels, and an expression is at most 160 levels high, chains such as \
                      `a + b + c` included. AND and OR may be as long as you like.",
    },
    Code {
        code: TOO_MANY_NODES,
        title: "too many expressions",
        explanation: "A statement has at most 10,000 expressions and steps; values listed in IN and VALUES are not counted.",
    },
    Code { code: TOO_MANY_STATEMENTS, title: "too many statements", explanation: "A text has at most 10,000 statements." },
    Code {
        code: TOO_MANY_ERRORS,
        title: "too many errors",
        explanation: "After 100 errors the rest of a text is not read; most likely it is not EQL at all.",
    },
    Code {
        code: TOO_COSTLY,
        title: "too costly to read",
        explanation: "Reading the statement would take the parser unreasonably long. Split it, or nest it less.",
    },
    Code {
        code: FAULT,
        title: "fault in the parser",
        explanation: "The grammar accepted something that the parser could not turn into a tree. Please report the statement.",
    },
];

/// The words of `code`, if it is one of the grammar's.
pub fn code(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|c| c.code == code)
}
