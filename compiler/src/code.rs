//! The codes of semantic diagnostics, each with a title and an explanation: the manual's pages are made from here.

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable code.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it means and what to do.
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($name:ident $code:literal $title:literal $explanation:literal;)*) => {
        $(#[doc = $title] pub const $name: &str = $code;)*
        /// All semantic codes, in order.
        pub const ALL: &[Code] = &[$(Code { code: $code, title: $title, explanation: $explanation }),*];
    };
}

codes! {
    ENTITY "EQL0201" "entity not defined" "The name stands where an entity type is expected and no DEFINE ENTITY made one of that name.";
    PROPERTY "EQL0202" "property not defined" "The name or path leads to no property, system column, participant, relation, tag or result column here.";
    SEGMENT "EQL0203" "segment not defined" "No DEFINE SEGMENT made a segment of that name for this entity type.";
    EVENT "EQL0204" "event not defined" "The name stands where an event is expected and no DEFINE EVENT made one of that name.";
    SESSION "EQL0205" "session rule not defined" "No DEFINE SESSION made a rule of that name.";
    FUNCTION "EQL0206" "function not defined" "No function has that name, or it does not belong here.";
    NOUN "EQL0207" "nothing of that name" "DESCRIBE, DROP, INSERT or REFRESH names something that is not defined.";
    AMBIGUOUS "EQL0208" "ambiguous name" "Two sources offer a column of this name: write the source before it.";
    PARAMETER "EQL0209" "parameter without a value" "The text has a parameter for which the request gave no value, or one of the wrong form.";
    EXISTS "EQL0210" "already defined differently" "A definition of that name exists and differs: use DEFINE OR REPLACE, or another name.";
    DUPLICATE "EQL0211" "name used twice" "Two columns, keys or aliases of one definition or list have the same name.";
    CYCLE "EQL0212" "definition in a circle" "A segment, tag or property is defined, directly or not, by itself.";
    TYPE_NAME "EQL0213" "no such type" "The word is not the name of a type.";
    SUBJECT "EQL0214" "not a participant" "The events of the analysis do not name this entity type as a participant.";

    CLAUSE "EQL0311" "clause not taken by this head" "The head of the statement does not take the clause.";
    CLAUSE_TWICE "EQL0312" "clause given twice" "A clause may stand once in a statement.";
    CLAUSE_MISSING "EQL0313" "clause missing" "The head needs the clause.";
    CLAUSE_CONFLICT "EQL0314" "clauses contradict" "Two clauses exclude each other.";
    VALUE "EQL0315" "value out of range" "A number, date, zone or length is not one that can be used here.";
    OVERLAP "EQL0320" "groups overlap" "A warning: with ATTRIBUTED ALL one attempt counts in the group of each of its rows, so groups do not add up to the whole.";

    TYPE "EQL0401" "types do not fit" "An operator or function was given values of types that it does not take.";
    NULL_COMPARISON "EQL0402" "comparison with NULL" "A comparison with NULL is never true: use IS NULL or IS NOT NULL.";
    TEXT_AS_NAME "EQL0403" "double quotes make names" "Text stands in single quotes; double quotes and backquotes make names.";
    AGGREGATE "EQL0404" "aggregate not possible here" "An aggregate stands where rows are still single, or inside another aggregate.";
    UNGROUPED "EQL0405" "column neither grouped nor aggregated" "Beside an aggregate, every column must be in GROUP BY or inside an aggregate.";
    TO_MANY "EQL0406" "path to many" "The path leads to many rows: aggregate it, or test it with HAS.";
    ARGUMENTS "EQL0407" "wrong arguments" "A function was called with too few, too many or unfitting arguments.";
    NOT_PREDICATE "EQL0408" "not a condition" "A condition is expected and the expression is not BOOLEAN.";
    HISTORY "EQL0409" "value of the past not kept" "The property has no HISTORY, or no version of the segment or tag is kept of so early, so what it was at that instant is not known.";
    COLUMNS "EQL0410" "columns do not match" "Both sides of a set operation, or the rows of INSERT, need the same number of columns of the same types.";
    FAULT "EQL0499" "fault in the compiler" "The statement was refused although nothing was found wrong with it. Please report the statement.";

    SQL "EQL0501" "SQL that cannot be planned" "The text is read as SQL, and it is no SQL, or it names tables, columns or functions that are not there.";
    READ_ONLY "EQL0502" "SQL only reads" "SQL makes, changes and deletes nothing: definitions and rows are written in the Entity Query Language.";

    COMPUTED "EQL0601" "value that cannot be computed" "A value of some row cannot be computed: a number does not fit its type, a text is not what it is cast to, a result is too long.";
    DIVISION "EQL0602" "division by zero" "A warning: something was divided by zero, and the value is NULL there.";

    LIMIT "EQL0801" "limit reached" "The statement is larger than what is accepted.";
    LATER "EQL0901" "not supported yet" "The construct belongs to the language and is checked, but this version cannot carry it out.";
}

/// What can be done about a diagnostic of this code, where nothing more precise is known.
pub fn advice(code: &str) -> &'static str {
    match code {
        ENTITY | EVENT | SESSION | NOUN | PROPERTY => {
            "what is defined is listed by `SHOW ENTITIES`, `SHOW EVENTS` and `SHOW PROPERTIES OF purchase`"
        }
        SEGMENT => "segments are listed by `SHOW SEGMENTS`; members are read by the key: `user_id IN SEGMENT vip`",
        FUNCTION => "the manual lists all functions with the place where each may stand",
        PARAMETER => "a range is given as text, `last 30 days`, a length as `7 days`, a time as `2026-01-31`, a count as a number",
        EXISTS => "take another name, or `DEFINE OR REPLACE` where it is the same kind of thing",
        DUPLICATE => "give one of them another name",
        CYCLE => "take the name out of its own definition",
        CLAUSE | CLAUSE_CONFLICT => "leave it out, or move it to the query inside",
        CLAUSE_TWICE => "leave one out",
        VALUE => "the manual says which values can stand here",
        TYPE => "convert one value with CAST(… AS …)",
        AGGREGATE => "aggregate in the SELECT list, in HAVING, or in a stage: `|> AGGREGATE count(*) AS n`",
        UNGROUPED => "add it to GROUP BY, or put it inside an aggregate",
        TO_MANY => "aggregate it, as in `sum(orders.amount)`, or test it with `HAS`",
        ARGUMENTS => "the manual shows how each function is called",
        COLUMNS => "write the same number of columns on both sides, of types that fit",
        FAULT => "say it in another way, and report the statement: the fault is ours",
        COMPUTED => "leave such rows out, or convert the value first: `try_cast(x AS BIGINT)` gives NULL instead of an error",
        DIVISION => "`CASE WHEN b = 0 THEN 0 ELSE a / b END` says what is meant instead",
        LIMIT => "ask for less at once, or split the question",
        _ => "the manual has a page for this code",
    }
}
