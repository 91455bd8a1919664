//! What the server can, as GetSqlInfo answers it. Every code is served: JDBC up to 18.3 falls over one that is missing.

use super::service::PREPARED_IDLE;
use crate::config::Config;
use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{CommandGetSqlInfo, SqlInfo as Info};
use std::collections::BTreeMap;
use tonic::Status;

/// Words of EQL that SQL:2003 does not have, for tools that quote names.
const KEYWORDS: &[&str] = &[
    "FIND",
    "FUNNEL",
    "RETENTION",
    "TREND",
    "PATHS",
    "SEQUENCE",
    "LIFECYCLE",
    "STICKINESS",
    "DISTRIBUTION",
    "ATTRIBUTION",
    "LTV",
    "RFM",
    "INTERVALS",
    "SESSIONS",
    "PROFILE",
    "JOURNEY",
    "DID",
    "NEVER",
    "DURING",
    "WITHIN",
    "BREAKDOWN",
    "AMONG",
    "DEFINE",
    "ENTITY",
    "EVENT",
    "SEGMENT",
    "TAG",
    "METRIC",
    "SUBSCRIBE",
];
const NUMERIC: &[&str] = &["abs", "ceil", "floor", "round", "sqrt", "power", "ln", "log10", "exp", "mod", "sign"];
const STRING: &[&str] = &["concat", "lower", "upper", "length", "trim", "ltrim", "rtrim", "substring", "replace", "split_part", "coalesce"];
const DATETIME: &[&str] = &["now", "date_trunc", "date_part", "date_diff", "extract"];

pub(super) fn answer(command: CommandGetSqlInfo, config: &Config) -> Result<RecordBatch, Status> {
    let infos = infos(config).map_err(Status::from)?;
    command.into_builder(&infos).build().map_err(Status::from)
}

fn infos(config: &Config) -> arrow_flight::error::Result<SqlInfoData> {
    let mut b = SqlInfoDataBuilder::new();
    server(&mut b, config);
    flags(&mut b);
    texts(&mut b);
    masks(&mut b);
    sizes(&mut b);
    b.build()
}

fn server(b: &mut SqlInfoDataBuilder, config: &Config) {
    b.append(Info::FlightSqlServerName, "EQL");
    b.append(Info::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    b.append(Info::FlightSqlServerArrowVersion, "1.3");
    b.append(Info::FlightSqlServerSubstraitMinVersion, "");
    b.append(Info::FlightSqlServerSubstraitMaxVersion, "");
    b.append(Info::FlightSqlServerTransaction, 0);
    b.append(Info::FlightSqlServerStatementTimeout, i32::try_from(PREPARED_IDLE.as_millis()).unwrap_or(i32::MAX));
    b.append(Info::FlightSqlServerTransactionTimeout, 0);
    b.append(Info::SqlMaxStatements, i64::try_from(config.limits.running).unwrap_or(0));
}

fn flags(b: &mut SqlInfoDataBuilder) {
    let yes = [
        Info::FlightSqlServerSql,
        Info::FlightSqlServerCancel,
        Info::SqlAllTablesAreSelectable,
        Info::SqlSupportsColumnAliasing,
        Info::SqlNullPlusNullIsNull,
        Info::SqlSupportsTableCorrelationNames,
        Info::SqlSupportsExpressionsInOrderBy,
        Info::SqlSupportsOrderByUnrelated,
        Info::SqlSupportsNonNullableColumns,
        Info::SqlCatalogAtStart,
        Info::SqlCorrelatedSubqueriesSupported,
        Info::SqlNamedParametersSupported,
        Info::SqlBatchUpdatesSupported,
        Info::FlightSqlServerBulkIngestion,
    ];
    let no = [
        Info::FlightSqlServerReadOnly,
        Info::FlightSqlServerSubstrait,
        Info::FlightSqlServerIngestTransactionsSupported,
        Info::SqlDdlCatalog,
        Info::SqlDdlSchema,
        Info::SqlDdlTable,
        Info::SqlSupportsDifferentTableCorrelationNames,
        Info::SqlSupportsLikeEscapeClause,
        Info::SqlSupportsIntegrityEnhancementFacility,
        Info::SqlSelectForUpdateSupported,
        Info::SqlStoredProceduresSupported,
        Info::SqlMaxRowSizeIncludesBlobs,
        Info::SqlTransactionsSupported,
        Info::SqlDataDefinitionCausesTransactionCommit,
        Info::SqlDataDefinitionsInTransactionsIgnored,
        Info::SqlSavepointsSupported,
        Info::SqlLocatorsUpdateCopy,
        Info::SqlStoredFunctionsUsingCallSyntaxSupported,
    ];
    yes.into_iter().for_each(|info| b.append(info, true));
    no.into_iter().for_each(|info| b.append(info, false));
}

fn texts(b: &mut SqlInfoDataBuilder) {
    b.append(Info::SqlIdentifierQuoteChar, "\"");
    b.append(Info::SqlSearchStringEscape, "\\");
    b.append(Info::SqlExtraNameCharacters, "");
    b.append(Info::SqlSchemaTerm, "project");
    b.append(Info::SqlProcedureTerm, "procedure");
    b.append(Info::SqlCatalogTerm, "catalog");
    b.append(Info::SqlKeywords, KEYWORDS);
    b.append(Info::SqlNumericFunctions, NUMERIC);
    b.append(Info::SqlStringFunctions, STRING);
    b.append(Info::SqlSystemFunctions, &[] as &[&str]);
    b.append(Info::SqlDatetimeFunctions, DATETIME);
    b.append(Info::SqlSupportsConvert, BTreeMap::<i32, Vec<i32>>::new());
}

/// Ordinals, and masks where bit n stands for ordinal n.
fn masks(b: &mut SqlInfoDataBuilder) {
    // Names keep their case and compare as written, which the standard's list has no word for.
    b.append(Info::SqlIdentifierCase, 0);
    b.append(Info::SqlQuotedIdentifierCase, 0);
    // NULLs last whichever way a column is sorted.
    b.append(Info::SqlNullOrdering, 3);
    b.append(Info::SqlSupportedGroupBy, 0b11);
    b.append(Info::SqlSupportedGrammar, 0b11);
    b.append(Info::SqlAnsi92SupportedLevel, 0b1);
    b.append(Info::SqlOuterJoinsSupportLevel, 2);
    b.append(Info::SqlSchemasSupportedActions, 0);
    b.append(Info::SqlCatalogsSupportedActions, 0);
    b.append(Info::SqlSupportedPositionedCommands, 0);
    b.append(Info::SqlSupportedSubqueries, 0b111);
    b.append(Info::SqlSupportedUnions, 0b11);
    b.append(Info::SqlDefaultTransactionIsolation, 0);
    b.append(Info::SqlSupportedTransactionsIsolationLevels, 0b1);
    b.append(Info::SqlSupportedResultSetTypes, 0b10);
    b.append(Info::SqlSupportedConcurrenciesForResultSetUnspecified, 0);
    b.append(Info::SqlSupportedConcurrenciesForResultSetForwardOnly, 0b10);
    b.append(Info::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0);
    b.append(Info::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0);
}

/// Zero is: no limit, or not known.
fn sizes(b: &mut SqlInfoDataBuilder) {
    let unlimited = [
        Info::SqlMaxBinaryLiteralLength,
        Info::SqlMaxCharLiteralLength,
        Info::SqlMaxColumnNameLength,
        Info::SqlMaxColumnsInGroupBy,
        Info::SqlMaxColumnsInIndex,
        Info::SqlMaxColumnsInOrderBy,
        Info::SqlMaxColumnsInSelect,
        Info::SqlMaxColumnsInTable,
        Info::SqlMaxConnections,
        Info::SqlMaxCursorNameLength,
        Info::SqlMaxIndexLength,
        Info::SqlDbSchemaNameLength,
        Info::SqlMaxProcedureNameLength,
        Info::SqlMaxCatalogNameLength,
        Info::SqlMaxRowSize,
        Info::SqlMaxTableNameLength,
        Info::SqlMaxTablesInSelect,
        Info::SqlMaxUsernameLength,
    ];
    unlimited.into_iter().for_each(|info| b.append(info, 0_i64));
    b.append(Info::SqlMaxStatementLength, eql_engine::grammar::limit::TEXT_BYTES_MAX as i64);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_code_is_served() {
        let all = answer(CommandGetSqlInfo { info: vec![] }, &Config::default()).unwrap();
        let missing: Vec<i32> =
            (0..=12).chain(100..=101).chain(500..=576).filter(|n| Info::try_from(*n).is_ok()).filter(|n| !served(*n)).collect();
        assert_eq!(missing, Vec::<i32>::new());
        assert_eq!(all.num_rows(), (0..=12).chain(100..=101).chain(500..=576).filter(|n| Info::try_from(*n).is_ok()).count());
    }

    fn served(code: i32) -> bool {
        let one = answer(CommandGetSqlInfo { info: vec![code as u32] }, &Config::default());
        one.is_ok_and(|batch| batch.num_rows() == 1)
    }
}
