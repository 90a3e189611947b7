//! The connection: one way of reaching ClickHouse, embedded or not.

use crate::error::{Error, Result};
pub use clickhouse::Client;
use clickhouse::Compression;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::fmt;
use std::time::Duration;

/// Where ClickHouse is and what is ours there.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The HTTP address, such as `http://127.0.0.1:8123`.
    pub url: String,
    /// The user; the server's `default` if there is none.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// Our database; it is created if need be.
    pub database: String,
    /// The cluster on which tables are created and replicated. The tables of all its nodes are replicas of
    /// each other: nothing is sharded.
    pub cluster: Option<String>,
}

impl Settings {
    /// A server at `url` that asks for no password, and the usual database.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), user: None, password: None, database: "evenkeel".into(), cluster: None }
    }

    /// Checks what can be checked without the server.
    ///
    /// # Errors
    /// [`Error::BadSetting`] names the setting and what is expected of it.
    pub fn check(&self) -> Result<()> {
        if self.url.starts_with("https://") {
            return Err(Error::BadSetting {
                name: "clickhouse url",
                value: self.url.clone(),
                expected: "this program was built without TLS: use an http:// address, through a local TLS proxy \
                           or a private network",
            });
        }
        if !self.url.starts_with("http://") {
            return Err(Error::BadSetting {
                name: "clickhouse url",
                value: self.url.clone(),
                expected: "expected an address such as http://127.0.0.1:8123",
            });
        }
        // Names go into DDL as they are, so that a person can read them there; hence no quoting is needed.
        let expected = "expected a letter or underscore, then letters, digits and underscores";
        if !identifier(&self.database) {
            return Err(Error::BadSetting {
                name: "clickhouse database",
                value: self.database.clone(),
                expected,
            });
        }
        match &self.cluster {
            Some(name) if !identifier(name) => {
                Err(Error::BadSetting { name: "clickhouse cluster", value: name.clone(), expected })
            }
            _ => Ok(()),
        }
    }
}

/// The password stays out of logs.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.url)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("database", &self.database)
            .field("cluster", &self.cluster)
            .finish()
    }
}

pub(crate) fn identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A client for these settings. Nothing is sent yet; clones share their connections.
///
/// # Errors
/// [`Error::BadSetting`] if the settings cannot work.
pub fn connect(settings: &Settings) -> Result<Client> {
    settings.check()?;
    let mut connector = HttpConnector::new();
    // Without it an insert's last small packet waits for an acknowledgement: 54 ms instead of 7.
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Duration::from_secs(5)));
    connector.set_keepalive(Some(Duration::from_secs(60)));
    // Older servers close an idle connection after 3 s; we must be first, or a request meets a closed socket.
    let http =
        HttpClient::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(2)).build(connector);
    let mut client = Client::with_http_client(http)
        .with_url(&settings.url)
        .with_database(&settings.database)
        .with_compression(Compression::Lz4)
        // An asynchronous insert is acknowledged or cut by the server's clock, not by our batches.
        .with_setting("async_insert", "0");
    if let Some(user) = &settings.user {
        client = client.with_user(user);
    }
    if let Some(password) = &settings.password {
        client = client.with_password(password);
    }
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_refused_by_name() {
        assert!(Settings::new("http://localhost:8123").check().is_ok());
        let refusal = |settings: Settings| settings.check().unwrap_err().to_string();
        assert!(refusal(Settings::new("localhost:8123")).contains("http://127.0.0.1:8123"));
        assert!(refusal(Settings::new("https://db")).contains("TLS"));
        let database = Settings { database: "a;drop".into(), ..Settings::new("http://h") };
        assert!(refusal(database).contains("clickhouse database"));
        let cluster = Settings { cluster: Some("1x".into()), ..Settings::new("http://h") };
        assert!(refusal(cluster).contains("clickhouse cluster"));
    }

    #[test]
    fn a_password_is_not_printed() {
        let settings = Settings { password: Some("hunter2".into()), ..Settings::new("http://h") };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
