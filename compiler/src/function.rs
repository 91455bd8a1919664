//! The one table of functions: names, arguments, result, words and an example. The compiler, SHOW FUNCTIONS, the manual and its test read it.
//!
//! Each family is a file of lines in `function/`; the names that other systems use stand in `eql_grammar::elsewhere`.

use eql_catalog::DataType;

/// What a function makes its value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// One row.
    Scalar,
    /// One row, and the statement's clock.
    Clocked,
    /// Many rows.
    Aggregate,
    /// A partition with an order.
    Window,
}

impl FunctionKind {
    /// As SHOW FUNCTIONS says it.
    pub fn word(self) -> &'static str {
        match self {
            FunctionKind::Scalar | FunctionKind::Clocked => "function",
            FunctionKind::Aggregate => "aggregate",
            FunctionKind::Window => "window function",
        }
    }
}

/// What a function is about: a page of the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Family {
    Text,
    Url,
    Json,
    Number,
    Time,
    Condition,
    List,
    Aggregate,
    Window,
}

impl Family {
    /// The name of its page in the manual.
    pub fn page(self) -> &'static str {
        match self {
            Family::Text => "text",
            Family::Url => "urls",
            Family::Json => "json",
            Family::Number => "numbers",
            Family::Time => "time",
            Family::Condition => "conditions",
            Family::List => "lists",
            Family::Aggregate => "aggregates",
            Family::Window => "windows",
        }
    }
}

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Any value.
    Any,
    /// STRING or JSON.
    Text,
    /// JSON, or a text that holds it.
    Json,
    /// A number of any type.
    Number,
    /// BIGINT.
    Int,
    /// A number, computed as DOUBLE.
    Double,
    /// A condition.
    Bool,
    /// TIMESTAMP or DATE, computed as TIMESTAMP.
    Time,
    /// TIMESTAMP or DATE, computed as the local DATE.
    Day,
    /// A list.
    List,
    /// A unit of time in quotes.
    Unit,
}

impl Takes {
    /// As the manual says it.
    pub fn word(self) -> &'static str {
        match self {
            Takes::Any => "any",
            Takes::Text => "STRING",
            Takes::Json => "JSON",
            Takes::Number => "number",
            Takes::Int => "BIGINT",
            Takes::Double => "number",
            Takes::Bool => "BOOLEAN",
            Takes::Time => "TIMESTAMP or DATE",
            Takes::Day => "DATE or TIMESTAMP",
            Takes::List => "LIST",
            Takes::Unit => "unit",
        }
    }
}

/// How the result's type follows from the arguments'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultType {
    /// STRING.
    String,
    /// BIGINT.
    Int,
    /// DOUBLE.
    Double,
    /// BOOLEAN.
    Bool,
    /// DATE.
    Date,
    /// TIMESTAMP.
    Timestamp,
    /// JSON.
    Json,
    /// That of the first argument.
    First,
    /// The common type of all arguments.
    Common,
    /// SUM's: wider by rule 46.
    Sum,
    /// DATE from day up, TIMESTAMP below (`bucket`).
    Bucket,
    /// DATE where a DATE is moved by days or longer, else TIMESTAMP (`date_add`).
    Moved,
    /// A list of the first argument's type.
    ListOfFirst,
    /// A list of the common type of all arguments.
    ListOfCommon,
    /// LIST<STRING>.
    StringList,
    /// Element type of the first argument.
    Element,
    /// The type that the call names (`try_cast`).
    Named,
}

impl ResultType {
    /// As the manual says it.
    pub fn word(self) -> &'static str {
        match self {
            ResultType::String => "STRING",
            ResultType::Int => "BIGINT",
            ResultType::Double => "DOUBLE",
            ResultType::Bool => "BOOLEAN",
            ResultType::Date => "DATE",
            ResultType::Timestamp => "TIMESTAMP",
            ResultType::Json => "JSON",
            ResultType::First => "type of the first argument",
            ResultType::Common => "common type of the values",
            ResultType::Sum => "BIGINT, DECIMAL(38, s) or DOUBLE",
            ResultType::Bucket | ResultType::Moved => "DATE or TIMESTAMP",
            ResultType::ListOfFirst | ResultType::ListOfCommon => "LIST of the values' type",
            ResultType::StringList => "LIST<STRING>",
            ResultType::Element => "type of the members",
            ResultType::Named => "the type named",
        }
    }
}

/// An argument of a function.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// What the manual calls it.
    pub name: &'static str,
    /// What it may be.
    pub takes: Takes,
}

/// A function.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Canonical name, lower case.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// What it is about.
    pub family: Family,
    /// Kind.
    pub kind: FunctionKind,
    /// In order; the last one may repeat.
    pub arguments: &'static [Argument],
    /// Fewest arguments.
    pub min: usize,
    /// Most arguments.
    pub max: usize,
    /// Type of the result.
    pub result: ResultType,
    /// What it does.
    pub summary: &'static str,
    /// How it is called.
    pub example: &'static str,
}

impl Function {
    /// What the n-th argument may be.
    pub fn takes(&self, n: usize) -> Takes {
        self.arguments.get(n).or(self.arguments.last()).map_or(Takes::Any, |a| a.takes)
    }

    /// `name(argument, [argument], …)`.
    pub fn signature(&self) -> String {
        let shown = |(i, a): (usize, &Argument)| if i < self.min { a.name.to_string() } else { format!("[{}]", a.name) };
        let mut words: Vec<String> = self.arguments.iter().enumerate().map(shown).collect();
        if self.max > self.arguments.len() {
            words.push("…".into());
        }
        format!("{}({})", self.name, words.join(", "))
    }
}

/// Arguments that a function of many takes at most.
const MANY: usize = 64;

macro_rules! functions {
    ($family:ident: $($kind:ident $name:literal [$($alias:literal)*] ($($argument:literal $takes:ident),*) $min:literal..$max:expr, $result:ident,
        $summary:literal, $example:literal;)*) => {
        /// The functions of this family, in the order of the manual.
        pub(super) const FUNCTIONS: &[Function] = &[$(Function {
            name: $name,
            aliases: &[$($alias),*],
            family: Family::$family,
            kind: FunctionKind::$kind,
            arguments: &[$(Argument { name: $argument, takes: Takes::$takes }),*],
            min: $min,
            max: $max,
            result: ResultType::$result,
            summary: $summary,
            example: $example,
        }),*];
    };
}

mod aggregate;
mod condition;
mod json;
mod list;
mod number;
mod text;
mod time;
mod url;
mod window;

/// All functions, family by family.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|f| f.iter())
}

/// All functions, for whoever lists them.
pub static FUNCTIONS: std::sync::LazyLock<Vec<Function>> = std::sync::LazyLock::new(|| functions().copied().collect());

const FAMILIES: &[&[Function]] = &[
    text::FUNCTIONS,
    url::FUNCTIONS,
    json::FUNCTIONS,
    number::FUNCTIONS,
    time::FUNCTIONS,
    condition::FUNCTIONS,
    list::FUNCTIONS,
    aggregate::FUNCTIONS,
    window::FUNCTIONS,
];

/// The function of a name, aliases included, whatever its case.
pub fn function(name: &str) -> Option<&'static Function> {
    let n = name.to_ascii_lowercase();
    functions().find(|f| f.name == n || f.aliases.contains(&n.as_str()))
}

/// The type that can hold values of both, by rule 46; None when there is none.
pub fn common_type(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::*;
    Some(match (a, b) {
        (x, y) if x == y => x.clone(),
        (Double, x) | (x, Double) if x.is_numeric() => Double,
        (Int, Decimal(p, s)) | (Decimal(p, s), Int) => Decimal((*p).max(u8::try_from(*s).unwrap_or(0).saturating_add(19)).min(38), *s),
        (Decimal(p, s), Decimal(q, t)) => {
            let scale = (*s).max(*t);
            let whole = (i16::from(*p) - i16::from(*s)).max(i16::from(*q) - i16::from(*t));
            Decimal(u8::try_from((whole + i16::from(scale)).clamp(1, 38)).unwrap_or(38), scale)
        }
        (Date, Timestamp) | (Timestamp, Date) => Timestamp,
        (String, Json) | (Json, String) => String,
        (List(x), List(y)) => List(Box::new(common_type(x, y)?)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_one_function() {
        let mut names: Vec<&str> = functions().flat_map(|f| std::iter::once(f.name).chain(f.aliases.iter().copied())).collect();
        names.sort_unstable();
        let twice: Vec<&&str> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| &w[0]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn the_table_says_what_it_means() {
        for f in functions() {
            let name = f.name;
            assert!(f.min <= f.max && f.min <= f.arguments.len().max(f.min.min(1)), "{name}: fewer arguments are named than needed");
            assert!(f.example.contains(name), "{name}: the example shows another function");
            assert!(f.max == 0 || !f.arguments.is_empty(), "{name}: its arguments have no names");
            assert!(f.summary.len() < 120 && !f.summary.ends_with('.'), "{name}: one line without a full stop");
        }
        for name in eql_grammar::elsewhere::functions() {
            assert!(function(name).is_none(), "{name}: whoever writes it is understood, nobody reads the advice");
        }
    }
}
