//! The database of a test's application: SQLite, or Postgres if `TOKENLIFE_TEST_POSTGRES` names one.

#[path = "../../database/postgres.rs"]
pub mod postgres;

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokenlife::server::store::{
    Store,
    postgres::{PostgresSettings, PostgresStore},
    sqlite::SqliteStore,
};

#[derive(Clone, Debug)]
pub enum Database {
    Sqlite(PathBuf),
    Postgres(PostgresSettings),
}

impl Database {
    /// A new one.
    pub async fn fresh(folder: &Path) -> Self {
        match postgres::url() {
            None => Self::Sqlite(folder.join("test.sqlite3")),
            Some(_) => Self::Postgres(postgres::fresh().await),
        }
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(file) => Arc::new(SqliteStore::open(file).await.expect("a store")),
            Self::Postgres(settings) => Arc::new(PostgresStore::open(settings.clone()).await.expect("a store")),
        }
    }

    /// Runs a statement beside the application.
    pub async fn run(&self, statement: &'static str) {
        match self {
            Self::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file);
                let mut beside = SqliteConnection::connect_with(&options).await.expect("a connection");
                sqlx::raw_sql(statement).execute(&mut beside).await.expect("done");
                beside.close().await.expect("closed");
            }
            Self::Postgres(settings) => {
                let mut beside = postgres::connect(&settings.url).await;
                sqlx::raw_sql(statement).execute(&mut beside).await.expect("done");
                beside.close().await.expect("closed");
            }
        }
    }
}
