//! How a connection to PostgreSQL is protected (finding A8). Off this machine it is TLS with the server's name verified, unless
//! the address says `sslmode=disable`.
//!
//! | in the address | what |
//! |---|---|
//! | `sslmode=verify-full`, `require` | TLS; the certificate must be valid and name the host. `require` is as strict, unlike in libpq |
//! | `sslmode=disable` | no TLS; the log says so when the host is another machine |
//! | absent | as `verify-full`, and as `disable` for a loopback address or a socket |
//! | `sslrootcert=FILE` | PEM of the authorities to trust, instead of the system's |

use crate::store::error::StoreError;
use ::postgres::{Client, NoTls};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::{net::IpAddr, pin::Pin, sync::Arc};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The system's authorities in one file, for the programs of PostgreSQL before version 16, which know no word for them.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where to connect, and how.
#[derive(Clone)]
pub(super) struct PgAddress {
    pub(super) config: Config,
    /// `None`: without TLS.
    tls: Option<MakeRustlsConnect>,
    /// File of the authorities to trust; `None`: the system's.
    root: Option<String>,
}

impl PgAddress {
    /// Reads an address of the command line, as a URL or as `key=value` words.
    ///
    /// # Errors
    /// [`StoreError::Config`]; the message does not hold the address, which may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let Parts { rest, mode, root } = taken_apart(text);
        let mut config: Config = rest.parse().map_err(bad)?;
        let is_elsewhere = config.get_hosts().iter().any(is_elsewhere)
            || config
                .get_hostaddrs()
                .iter()
                .any(|address| !address.is_loopback());
        let wants_tls = match mode.as_deref() {
            Some("verify-full" | "require") => true,
            Some("disable") => {
                if is_elsewhere {
                    tracing::warn!(
                        "数据库连接没有加密：密码和个人信息在网络上是明文 / the connection to the database is not encrypted: the password \
                         and personal data cross the network in clear"
                    );
                }
                false
            }
            None => is_elsewhere || root.is_some(),
            Some(other) => {
                return Err(bad(format!(
                    "sslmode={other}: verify-full, require or disable are possible"
                )));
            }
        };
        config.ssl_mode(if wants_tls {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        let tls = if wants_tls {
            Some(connector(root.as_deref())?)
        } else {
            None
        };
        Ok(Self { config, tls, root })
    }

    /// The same address for the programs of PostgreSQL, as variables of the environment: a command line could be read by
    /// every user of the machine.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let config = &self.config;
        let hosts: Vec<String> = config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        let addresses: Vec<String> = config.get_hostaddrs().iter().map(IpAddr::to_string).collect();
        let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
        let mode = if self.tls.is_some() {
            "verify-full"
        } else {
            "disable"
        };
        let mut words = vec![
            ("PGHOST", hosts.join(",")),
            ("PGPORT", ports.join(",")),
            ("PGSSLMODE", mode.to_owned()),
        ];
        if !addresses.is_empty() {
            words.push(("PGHOSTADDR", addresses.join(",")));
        }
        if self.tls.is_some() {
            words.push((
                "PGSSLROOTCERT",
                self.root.clone().unwrap_or_else(|| SYSTEM.to_owned()),
            ));
        }
        words.extend(config.get_user().map(|user| ("PGUSER", user.to_owned())));
        words.extend(config.get_dbname().map(|name| ("PGDATABASE", name.to_owned())));
        let password = config.get_password().map(String::from_utf8_lossy);
        words.extend(password.map(|password| ("PGPASSWORD", password.into_owned())));
        words
    }

    /// A connection that answers each statement before the next.
    pub(super) fn connect(&self) -> Result<Client, ::postgres::Error> {
        let config = ::postgres::Config::from(self.config.clone());
        match &self.tls {
            Some(tls) => config.connect(tls.clone()),
            None => config.connect(NoTls),
        }
    }

    /// A connection whose statements may be sent before earlier ones are answered. Its [`Carrier`] must be polled.
    pub(super) async fn open(&self) -> Result<(tokio_postgres::Client, Carrier), ::postgres::Error> {
        Ok(match &self.tls {
            Some(tls) => {
                let (client, carrier) = self.config.connect(tls.clone()).await?;
                (client, Box::pin(carrier))
            }
            None => {
                let (client, carrier) = self.config.connect(NoTls).await?;
                (client, Box::pin(carrier))
            }
        })
    }
}

/// Carries the bytes of a connection; ends with the connection.
pub(super) type Carrier = Pin<Box<dyn Future<Output = Result<(), ::postgres::Error>> + Send>>;

/// An address without what `postgres` does not read itself.
struct Parts {
    rest: String,
    mode: Option<String>,
    root: Option<String>,
}

fn taken_apart(text: &str) -> Parts {
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let (head, words, separator) = match text.split_once('?') {
        Some((head, query)) if is_url => (Some(head), query, "&"),
        None if is_url => (Some(text), "", "&"),
        _ => (None, text, " "),
    };
    let (mut mode, mut root, mut kept) = (None, None, Vec::new());
    for word in words.split(separator).filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => root = Some(value.replace("%2F", "/").replace("%2f", "/")),
            _ => kept.push(word),
        }
    }
    let kept = kept.join(separator);
    let rest = match head {
        Some(head) if kept.is_empty() => head.to_owned(),
        Some(head) => format!("{head}?{kept}"),
        None => kept,
    };
    Parts { rest, mode, root }
}

fn is_elsewhere(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => match name.parse::<IpAddr>() {
            Ok(ip) => !ip.is_loopback(),
            Err(_) => !name.eq_ignore_ascii_case("localhost"),
        },
        Host::Unix(_) => false,
    }
}

fn connector(root: Option<&str>) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'static>> = match root {
        Some(file) => CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| bad(format!("sslrootcert {file}: {error}")))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(bad(
            "no certificate of an authority to verify PostgreSQL with; name a file by sslrootcert",
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(bad)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn bad(error: impl std::fmt::Display) -> StoreError {
    StoreError::Config(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_a08_another_machine_is_never_called_in_clear_by_default() {
        for (text, expected) in [
            ("postgres://u:p@db.example/x", true),
            ("postgres://u:p@192.0.2.1:5432/x?application_name=a", true),
            ("host=db.example user=u", true),
            ("host=127.0.0.1,db.example user=u", true),
            ("postgres://u@/x?hostaddr=192.0.2.1", true),
            ("host=localhost hostaddr=192.0.2.1 user=u", true),
            ("postgres://u@db.example/x?sslmode=disable", false),
            ("postgres://u@127.0.0.1/x", false),
            ("postgres://u@[::1]/x", false),
            ("postgres://u@localhost/x", false),
            ("host=/var/run/postgresql user=u", false),
            ("postgres://u@localhost/x?sslmode=require", true),
            (
                "postgres://u@localhost/x?sslmode=verify-full&connect_timeout=3",
                true,
            ),
        ] {
            match PgAddress::parse(text) {
                Ok(address) => {
                    assert_eq!(address.tls.is_some(), expected, "{text}");
                    let mode = address.config.get_ssl_mode();
                    assert_eq!(matches!(mode, SslMode::Require), expected, "{text}");
                }
                // A machine without certificates of authorities refuses, and does not connect in clear.
                Err(error) => assert!(expected, "{text}: {error}"),
            }
        }
    }

    #[test]
    fn weaker_modes_and_missing_roots_are_refused_without_the_password() {
        for text in [
            "postgres://u:geheim@db.example/x?sslmode=prefer",
            "postgres://u:geheim@db.example/x?sslmode=verify-ca",
            "postgres://u:geheim@db.example/x?sslrootcert=/nowhere.pem",
            "postgres://u:geheim@db.example/x?sslmode=disable&nonsense=1",
        ] {
            let error = PgAddress::parse(text).err().unwrap().to_string();
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}
