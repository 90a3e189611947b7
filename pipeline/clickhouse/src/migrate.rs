//! The tables, brought up to date step by step.
//!
//! A migration is a numbered file of SQL statements. It is applied once, in order, and never edited
//! afterwards: its checksum is kept in `schema_migrations`. Every statement can be repeated (`IF NOT EXISTS`,
//! `OR REPLACE`), because ClickHouse has no transaction around DDL and a crash may fall between two
//! statements.

use crate::client::{Client, Settings};
use crate::error::{Error, Result};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) struct Migration {
    version: u32,
    name: &'static str,
    pub(crate) sql: &'static str,
}

pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "ledgers",
        sql: include_str!("../../../schemas/clickhouse/0001_ledgers.sql"),
    },
    Migration {
        version: 2,
        name: "decisions",
        sql: include_str!("../../../schemas/clickhouse/0002_decisions.sql"),
    },
    Migration {
        version: 3,
        name: "events",
        sql: include_str!("../../../schemas/clickhouse/0003_events.sql"),
    },
    Migration {
        version: 4,
        name: "progress",
        sql: include_str!("../../../schemas/clickhouse/0004_progress.sql"),
    },
    Migration {
        version: 5,
        name: "exposures",
        sql: include_str!("../../../schemas/clickhouse/0005_exposures.sql"),
    },
    Migration { version: 6, name: "lots", sql: include_str!("../../../schemas/clickhouse/0006_lots.sql") },
    Migration {
        version: 7,
        name: "income",
        sql: include_str!("../../../schemas/clickhouse/0007_income.sql"),
    },
    Migration {
        version: 8,
        name: "agreements",
        sql: include_str!("../../../schemas/clickhouse/0008_agreements.sql"),
    },
    Migration {
        version: 9,
        name: "onboarding",
        sql: include_str!("../../../schemas/clickhouse/0009_onboarding.sql"),
    },
    Migration { version: 10, name: "peaks", sql: include_str!("../../../schemas/clickhouse/0010_peaks.sql") },
    Migration {
        version: 11,
        name: "estimates",
        sql: include_str!("../../../schemas/clickhouse/0011_estimates.sql"),
    },
];

const BOOKKEEPING: &str = "\
CREATE TABLE IF NOT EXISTS {database}.schema_migrations {on_cluster}
(
    version UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {engine}
ORDER BY version
SETTINGS {deduplication}";

/// A migration that was applied just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
}

#[derive(Row, Serialize, Deserialize)]
struct Done {
    version: u32,
    name: String,
    checksum: String,
}

/// Creates the database and brings its tables up to date; says what it did. Doing it again does nothing.
///
/// # Errors
/// [`Error::MigrationChanged`] and [`Error::DatabaseNewer`] before anything is touched; [`Error::ClickHouse`]
/// if a statement fails, after which it can be run again.
pub async fn migrate(client: &Client, settings: &Settings) -> Result<Vec<Applied>> {
    settings.check()?;
    // Our own database may not exist yet, and a request that names a missing one is refused.
    let outside = client.clone().with_database("system");
    let create = render("CREATE DATABASE IF NOT EXISTS {database} {on_cluster}", settings);
    outside.query_raw(&create).execute().await?;
    outside.query_raw(&render(BOOKKEEPING, settings)).execute().await?;

    let done = check_done(&read_done(&outside, settings).await?)?;
    let mut applied = Vec::new();
    for migration in MIGRATIONS.iter().filter(|migration| !done.contains(&migration.version)) {
        for statement in statements(&render(migration.sql, settings)) {
            outside.query_raw(statement).execute().await?;
        }
        record(&client.clone().with_database(&settings.database), migration).await?;
        tracing::info!(version = migration.version, name = migration.name, "migration applied");
        applied.push(Applied { version: migration.version, name: migration.name.to_owned() });
    }
    // Rows are checked against the columns that the client remembers; those may have changed.
    client.clear_cached_metadata().await;
    Ok(applied)
}

async fn read_done(client: &Client, settings: &Settings) -> Result<Vec<Done>> {
    let sql = format!(
        "SELECT version, name, checksum FROM {}.schema_migrations ORDER BY version, applied_at",
        settings.database
    );
    Ok(client.query_raw(&sql).fetch_all().await?)
}

/// The versions that are there, if all of them are ours.
fn check_done(done: &[Done]) -> Result<Vec<u32>> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if let Some(newest) = done.iter().map(|row| row.version).max().filter(|newest| *newest > known) {
        return Err(Error::DatabaseNewer { found: newest, known });
    }
    for row in done {
        let ours = MIGRATIONS.iter().find(|migration| migration.version == row.version);
        if ours.is_none_or(|migration| checksum(migration.sql) != row.checksum) {
            return Err(Error::MigrationChanged { version: row.version, name: row.name.clone() });
        }
    }
    Ok(done.iter().map(|row| row.version).collect())
}

async fn record(client: &Client, migration: &Migration) -> Result<()> {
    let mut insert = client
        .insert::<Done>("schema_migrations")
        .await?
        // Two programs that migrate at once both get here; one row is enough.
        .with_setting("insert_deduplication_token", format!("migration-{}", migration.version));
    let (version, name) = (migration.version, migration.name.to_owned());
    insert.write(&Done { version, name, checksum: checksum(migration.sql) }).await?;
    Ok(insert.end().await?)
}

/// Of the file as it is, before names are filled in: the same in every database.
fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fills in the names. ClickHouse's own `{name:Type}` parameters stay as they are.
fn render(sql: &str, settings: &Settings) -> String {
    let on_cluster = settings.cluster.as_ref().map(|name| format!("ON CLUSTER {name}")).unwrap_or_default();
    let (engine, deduplication) = match settings.cluster {
        None => ("MergeTree", "non_replicated_deduplication_window = 10000"),
        // Replicated tables forget tokens after an hour by default; a sink may be away for days.
        Some(_) => (
            "ReplicatedMergeTree",
            "non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, \
             replicated_deduplication_window_seconds = 604800",
        ),
    };
    sql.replace("{database}", &settings.database)
        .replace(
            " {on_cluster}",
            &if on_cluster.is_empty() { String::new() } else { format!(" {on_cluster}") },
        )
        .replace("{engine}", engine)
        .replace("{deduplication}", deduplication)
}

/// Splits at semicolons that stand outside quotes and comments; comments between statements are left out.
fn statements(sql: &str) -> Vec<&str> {
    let bytes = sql.as_bytes();
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at += sql[at..].find('\n').unwrap_or(sql.len() - at);
                if sql[start..at].trim_start().starts_with("--") {
                    start = at;
                }
            }
            quote @ (b'\'' | b'`' | b'"') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b';' => {
                found.push(sql[start..at].trim());
                start = at + 1;
                at += 1;
            }
            _ => at += 1,
        }
    }
    found.push(sql.get(start..).unwrap_or_default().trim());
    found.retain(|statement| !statement.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_file_is_listed_and_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/clickhouse");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|migration| format!("{:04}_{}.sql", migration.version, migration.name))
            .collect();
        assert_eq!(files, listed);
        assert!(MIGRATIONS.iter().zip(1..).all(|(migration, version)| migration.version == version));
    }

    #[test]
    fn every_statement_can_be_repeated_and_every_table_deduplicates() {
        for migration in MIGRATIONS {
            for statement in statements(migration.sql) {
                let table = statement.starts_with("CREATE TABLE IF NOT EXISTS {database}.");
                let view = statement.starts_with("CREATE OR REPLACE VIEW {database}.");
                assert!(table || view, "cannot be repeated: {statement}");
                assert!(statement.contains("{on_cluster}"));
                assert_eq!(table, statement.contains("{deduplication}"));
                assert!(!statement.contains("Replacing"));
                assert!(!statement.to_uppercase().contains("MATERIALIZED VIEW"));
            }
        }
    }

    #[test]
    fn statements_end_at_semicolons_that_count() {
        let sql = "-- a; b\nSELECT ';', '\\';' ; -- c;\n\nSELECT 2 -- d;\n + 1;\n-- the end;\n";
        assert_eq!(statements(sql), ["SELECT ';', '\\';'", "SELECT 2 -- d;\n + 1"]);
    }

    #[test]
    fn names_are_filled_in_and_parameters_are_not() {
        let mut settings = Settings { database: "books".into(), ..Settings::new("http://h") };
        let sql = "CREATE TABLE {database}.t {on_cluster} ENGINE = {engine} SETTINGS {deduplication} {as_of:UInt64}";
        let alone = "CREATE TABLE books.t ENGINE = MergeTree SETTINGS non_replicated_deduplication_window = 10000 \
                     {as_of:UInt64}";
        assert_eq!(render(sql, &settings), alone);
        settings.cluster = Some("prod".into());
        assert!(
            render(sql, &settings).starts_with("CREATE TABLE books.t ON CLUSTER prod ENGINE = Replicated")
        );
    }

    #[test]
    fn a_foreign_history_is_refused() {
        let row = |version, checksum: &str| Done { version, name: "x".into(), checksum: checksum.into() };
        assert!(matches!(check_done(&[row(1, "other")]), Err(Error::MigrationChanged { version: 1, .. })));
        assert!(matches!(check_done(&[row(9999, "any")]), Err(Error::DatabaseNewer { found: 9999, .. })));
        assert_eq!(check_done(&[row(1, &checksum(MIGRATIONS[0].sql))]).unwrap(), [1]);
    }
}
