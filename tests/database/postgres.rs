//! A schema of its own for each test, in the Postgres that `script/postgres` has started.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::time::Duration;
use tokenlife::server::{random, store::postgres::PostgresSettings};

/// Where a Postgres is that tests may do with as they like.
#[expect(clippy::disallowed_methods, reason = "no setting of the application, but of its tests")]
pub fn url() -> Option<String> {
    std::env::var("TOKENLIFE_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// A connection beside the application's.
pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("Postgres is there")
}

/// An empty schema, which also is what its connections are called in `pg_stat_activity`.
pub async fn fresh() -> PostgresSettings {
    let url = url().expect("script/postgres starts one and sets TOKENLIFE_TEST_POSTGRES");
    let schema = format!("test_{:016x}", u64::from_ne_bytes(random::bytes()));
    let mut connection = connect(&url).await;
    let create = AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
    sqlx::query(create).execute(&mut connection).await.expect("a schema");
    connection.close().await.expect("closed");
    let separator = if url.contains('?') { '&' } else { '?' };
    PostgresSettings {
        url: format!("{url}{separator}options[search_path]={schema}&application_name={schema}"),
        pool_size: 5,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
        tls: None,
        tls_ca_file: None,
    }
}
