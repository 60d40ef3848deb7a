//! What an administrator may set: from a file, then the environment, then flags, the later winning. Checked once, here;
//! the rest of the program meets only values that make sense.

use crate::local::password::Cost;
use archipel_net::{address_parts, validate_multiaddr};
use archipel_storage::lock::NetworkFolders;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Looked for in the data folder when no other file is named.
pub const FILE_NAME: &str = "archipel.toml";
const HTTP_DEFAULT: &str = "127.0.0.1:7300";
const LISTEN_DEFAULT: [&str; 4] =
    ["/ip4/0.0.0.0/udp/7301/quic-v1", "/ip4/0.0.0.0/tcp/7301", "/ip6/::/udp/7301/quic-v1", "/ip6/::/tcp/7301"];

/// What cannot be run with, in words for the person at the console.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("cannot read the settings file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what is expected.
    #[error("the settings file {path} is not valid: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// No folder for the data could be thought of.
    #[error("no data folder: give one with --data, or set HOME")]
    NoData,
    /// Passwords would cross the network readably.
    #[error(
        "--http {address} is reachable from other machines without encryption: give --tls auto, or --tls-cert and \
         --tls-key, or insist with --insecure-http-anywhere"
    )]
    Insecure {
        /// The address.
        address: SocketAddr,
    },
    /// Only one of certificate and key.
    #[error("--tls-cert and --tls-key belong together")]
    HalfTls,
    /// Two certificates for one site.
    #[error("--tls auto takes the certificate of the data folder: leave out --tls-cert and --tls-key")]
    TwoTls,
    /// A peer address that is none.
    #[error(
        "--listen {text} is not an address of this machine such as /ip4/0.0.0.0/udp/7301/quic-v1 or /ip6/::/tcp/7301"
    )]
    Listen {
        /// What was given.
        text: String,
    },
    /// An announced address that is none.
    #[error(
        "--announce {text} is not a peer address such as /ip4/198.51.100.7/udp/7301/quic-v1 or /dns/archipel.example/tcp/7301"
    )]
    Announce {
        /// What was given.
        text: String,
    },
    /// A host name that is none.
    #[error("--name {text} is not a host name")]
    Name {
        /// What was given.
        text: String,
    },
}

/// Certificate and key files, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who made the certificate. Known once the files were read; until then the less is taken for granted.
    pub signer: Signer,
}

impl TlsFiles {
    /// Those that the organisation's authority issued for the site of this data folder.
    pub fn in_data_folder(data: &Path) -> Self {
        Self::within(&data.join("tls"))
    }

    /// Those of a folder of issued certificates.
    pub fn within(folder: &Path) -> Self {
        Self::new(folder.join("site.pem"), folder.join("site.key"))
    }

    fn new(certificate: PathBuf, key: PathBuf) -> Self {
        Self { certificate, key, signer: Signer::Itself }
    }
}

/// Who made a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// An authority that browsers may trust.
    Authority,
    /// Nobody else.
    Itself,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TlsFrom {
    /// From the data folder, where `archipel ca issue` puts it.
    Auto,
    /// Nowhere: no encryption.
    Off,
}

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// How much work guessing a password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PasswordCost {
    /// For small boxes and tests.
    Small,
    /// 64 MiB and about 200 ms a guess.
    Normal,
}

impl From<PasswordCost> for Cost {
    fn from(cost: PasswordCost) -> Self {
        match cost {
            PasswordCost::Small => Self::Small,
            PasswordCost::Normal => Self::Normal,
        }
    }
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MetricsFor {
    /// Programs on this machine.
    Loopback,
    /// Everybody who reaches the address.
    Public,
}

/// How patient the site is with one person or address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Limits {
    /// As people need.
    Normal,
    /// A thousand times as much: for measuring and filling a site.
    Wide,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings, whole and checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Everything the node keeps.
    pub data: PathBuf,
    /// Where browsers connect. Port 0 takes a free one.
    pub http: SocketAddr,
    /// Where peers connect, as multiaddresses.
    pub listen: Vec<String>,
    /// Where other sites reach this one, beside what it finds itself.
    pub announce: Vec<String>,
    /// Whether to ask the router to forward the port.
    pub upnp: Switch,
    /// For tests alone: whether address ranges reserved for tests count as public.
    pub test_ranges: Switch,
    /// Host names by which browsers may call this site, beside the loopback names.
    pub names: Vec<String>,
    /// Certificate files.
    pub tls: Option<TlsFiles>,
    /// Cost of passwords.
    pub password_cost: Cost,
    /// What is logged, as a filter such as `info,archipel=debug`.
    pub log: String,
    /// How.
    pub log_form: LogForm,
    /// Whether to look for sites on the local network.
    pub mdns: Switch,
    /// Who may read metrics.
    pub metrics: MetricsFor,
    /// Rate limits.
    pub limits: Limits,
    /// Whether the data folder may lie on a network file system.
    pub network_folder: NetworkFolders,
}

/// The flags of `archipel serve`, each of which may also stand in the environment.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Folder for everything the node keeps [default: the user's data folder]
    #[arg(long, env = "ARCHIPEL_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Settings file [default: archipel.toml in the data folder, if there]
    #[arg(long, env = "ARCHIPEL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address for browsers; port 0 takes a free one [default: 127.0.0.1:7300]
    #[arg(long, env = "ARCHIPEL_HTTP", value_name = "ADDRESS:PORT")]
    pub http: Option<SocketAddr>,
    /// Address for other sites; may be given several times [default: UDP and TCP port 7301 of all interfaces]
    #[arg(long, env = "ARCHIPEL_LISTEN", value_name = "MULTIADDRESS", value_delimiter = ',')]
    pub listen: Vec<String>,
    /// Address at which other sites reach this one, for instance of a port that a router forwards; may be given several
    /// times. A site that has one also relays for sites that nobody reaches
    #[arg(long, env = "ARCHIPEL_ANNOUNCE", value_name = "MULTIADDRESS", value_delimiter = ',')]
    pub announce: Vec<String>,
    /// Ask the router to forward the port for other sites (UPnP) [default: off]
    #[arg(long, env = "ARCHIPEL_UPNP", value_enum)]
    pub upnp: Option<Switch>,
    /// For tests: treat address ranges reserved for documentation and benchmarks as public [default: off]
    #[arg(long, env = "ARCHIPEL_TEST_RANGES", value_enum, hide = true)]
    pub test_ranges: Option<Switch>,
    /// Host name by which browsers may call this site; may be given several times
    #[arg(long = "name", env = "ARCHIPEL_NAME", value_name = "HOST", value_delimiter = ',')]
    pub names: Vec<String>,
    /// Serve with the certificate that `archipel ca issue` made, or off: without [default: off, or on with --tls-cert]
    #[arg(long, env = "ARCHIPEL_TLS", value_enum)]
    pub tls: Option<TlsFrom>,
    /// Certificate chain, PEM
    #[arg(long, env = "ARCHIPEL_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, env = "ARCHIPEL_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Serve without encryption on addresses that other machines reach
    #[arg(long, env = "ARCHIPEL_INSECURE_HTTP_ANYWHERE")]
    pub insecure_http_anywhere: bool,
    /// Cost of guessing a password [default: normal]
    #[arg(long, env = "ARCHIPEL_PASSWORD_COST", value_enum)]
    pub password_cost: Option<PasswordCost>,
    /// What to log, for instance info or warn,archipel=debug [default: info]
    #[arg(long, env = "ARCHIPEL_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Log one JSON object a line
    #[arg(long, env = "ARCHIPEL_LOG_JSON")]
    pub log_json: bool,
    /// Look for sites on the local network [default: on]
    #[arg(long, env = "ARCHIPEL_MDNS", value_enum)]
    pub mdns: Option<Switch>,
    /// Who may read /metrics [default: loopback]
    #[arg(long, env = "ARCHIPEL_METRICS", value_enum)]
    pub metrics: Option<MetricsFor>,
    /// Rate limits; wide is for measuring and filling a site [default: normal]
    #[arg(long, env = "ARCHIPEL_LIMITS", value_enum)]
    pub limits: Option<Limits>,
    /// Use a data folder on a network file system, where a power cut or a second machine may cost data
    #[arg(long, env = "ARCHIPEL_NETWORK_FOLDER")]
    pub network_folder: bool,
}

/// The settings file: the flags' names with underscores.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    http: Option<SocketAddr>,
    listen: Option<Vec<String>>,
    announce: Option<Vec<String>>,
    upnp: Option<Switch>,
    test_ranges: Option<Switch>,
    names: Option<Vec<String>>,
    tls: Option<TlsFrom>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    insecure_http_anywhere: bool,
    password_cost: Option<PasswordCost>,
    log: Option<String>,
    log_json: bool,
    mdns: Option<Switch>,
    metrics: Option<MetricsFor>,
    limits: Option<Limits>,
    network_folder: bool,
}

impl Config {
    /// Where the data lies, for commands that need no other setting: what is wrong with one of those is none of their
    /// business.
    ///
    /// # Errors
    /// [`ConfigError::NoData`].
    pub fn data_folder(given: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
        given.or_else(default_data).ok_or(ConfigError::NoData)
    }

    /// Reads the file that the flags name, or the one in the data folder, and puts everything together.
    ///
    /// # Errors
    /// [`ConfigError`], meant to be shown as it is.
    pub fn load(flags: Flags) -> Result<Self, ConfigError> {
        let data = Self::data_folder(flags.data.clone())?;
        let beside = data.join(FILE_NAME);
        let file = match &flags.config {
            Some(path) => read(path)?,
            None if beside.exists() => read(&beside)?,
            None => File::default(),
        };
        Self::merge(data, flags, file)
    }

    fn merge(data: PathBuf, flags: Flags, file: File) -> Result<Self, ConfigError> {
        let given = |flags: Vec<String>, file: Option<Vec<String>>| {
            if flags.is_empty() { file.unwrap_or_default() } else { flags }
        };
        let http = flags.http.or(file.http).unwrap_or_else(|| HTTP_DEFAULT.parse().expect("the default is an address"));
        let tls = match (flags.tls.or(file.tls), flags.tls_cert.or(file.tls_cert), flags.tls_key.or(file.tls_key)) {
            (Some(TlsFrom::Off), ..) | (None, None, None) => None,
            (Some(TlsFrom::Auto), None, None) => Some(TlsFiles::in_data_folder(&data)),
            (Some(TlsFrom::Auto), ..) => return Err(ConfigError::TwoTls),
            (None, Some(certificate), Some(key)) => Some(TlsFiles::new(certificate, key)),
            (None, ..) => return Err(ConfigError::HalfTls),
        };
        let insisted = flags.insecure_http_anywhere || file.insecure_http_anywhere;
        if tls.is_none() && !http.ip().is_loopback() && !insisted {
            return Err(ConfigError::Insecure { address: http });
        }
        let mut listen = given(flags.listen, file.listen);
        if listen.is_empty() {
            listen = LISTEN_DEFAULT.map(str::to_owned).to_vec();
        }
        if let Some(text) = listen.iter().find(|text| !is_of_this_machine(text)) {
            return Err(ConfigError::Listen { text: text.clone() });
        }
        let announce = given(flags.announce, file.announce);
        if let Some(text) = announce.iter().find(|text| validate_multiaddr(text).is_err()) {
            return Err(ConfigError::Announce { text: text.clone() });
        }
        let names: Vec<String> =
            given(flags.names, file.names).into_iter().map(|name| name.trim().to_lowercase()).collect();
        if let Some(text) = names.iter().find(|name| !is_host_name(name)) {
            return Err(ConfigError::Name { text: text.clone() });
        }
        Ok(Self {
            data,
            http,
            listen,
            announce,
            upnp: flags.upnp.or(file.upnp).unwrap_or(Switch::Off),
            test_ranges: flags.test_ranges.or(file.test_ranges).unwrap_or(Switch::Off),
            names,
            tls,
            password_cost: flags.password_cost.or(file.password_cost).map_or(Cost::Normal, Cost::from),
            log: flags.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            log_form: if flags.log_json || file.log_json { LogForm::Json } else { LogForm::Text },
            mdns: flags.mdns.or(file.mdns).unwrap_or(Switch::On),
            metrics: flags.metrics.or(file.metrics).unwrap_or(MetricsFor::Loopback),
            limits: flags.limits.or(file.limits).unwrap_or(Limits::Normal),
            network_folder: if flags.network_folder || file.network_folder {
                NetworkFolders::Accept
            } else {
                NetworkFolders::Refuse
            },
        })
    }
}

/// Names are for dialling: one listens on an IP address.
fn is_of_this_machine(text: &str) -> bool {
    address_parts(text).is_ok_and(|(host, ..)| host.parse::<IpAddr>().is_ok())
}

fn is_host_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    !text.is_empty() && text.len() <= 253 && text.chars().all(plain) && !text.contains("://")
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    toml::from_str(&text).map_err(|error| ConfigError::Invalid { path: path.to_owned(), message: error.to_string() })
}

/// `$XDG_DATA_HOME/archipel`, or where that usually is.
fn default_data() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local").join("share")))?;
    Some(folder.join("archipel"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(flags: Flags, file: &str) -> Result<Config, ConfigError> {
        Config::merge("/data".into(), flags, toml::from_str(file).unwrap())
    }

    #[test]
    fn without_settings_only_this_machine_reaches_the_pages() {
        let config = merged(Flags::default(), "").unwrap();
        assert_eq!(config.http.to_string(), "127.0.0.1:7300");
        assert_eq!(config.listen, LISTEN_DEFAULT);
        assert_eq!(config.password_cost, Cost::Normal);
    }

    #[test]
    fn flags_win_over_the_file() {
        let flags = Flags { http: Some("127.0.0.1:0".parse().unwrap()), ..Flags::default() };
        let config =
            merged(flags, "http = \"127.0.0.1:9\"\npassword_cost = \"small\"\nnames = [\"Intranet\"]").unwrap();
        assert_eq!(config.http.port(), 0);
        assert_eq!(config.password_cost, Cost::Small);
        assert_eq!(config.names, ["intranet"]);
    }

    #[test]
    fn plain_http_for_other_machines_must_be_insisted_on() {
        let open = || Flags { http: Some("0.0.0.0:80".parse().unwrap()), ..Flags::default() };
        assert!(matches!(merged(open(), ""), Err(ConfigError::Insecure { .. })));
        assert!(merged(Flags { insecure_http_anywhere: true, ..open() }, "").is_ok());
        assert!(merged(open(), "tls_cert = \"c\"\ntls_key = \"k\"").is_ok());
        assert!(matches!(merged(open(), "tls_cert = \"c\""), Err(ConfigError::HalfTls)));
        assert!(matches!(merged(open(), "tls = \"off\""), Err(ConfigError::Insecure { .. })));
        assert!(matches!(merged(open(), "tls = \"auto\"\ntls_cert = \"c\""), Err(ConfigError::TwoTls)));
        let files = merged(open(), "tls = \"auto\"").unwrap().tls.unwrap();
        assert_eq!(files.certificate, Path::new("/data/tls/site.pem"));
    }

    #[test]
    fn a_command_beside_a_node_needs_no_setting_but_the_folder() {
        assert_eq!(Config::data_folder(Some("/here".into())).unwrap(), Path::new("/here"));
    }

    #[test]
    fn a_network_folder_must_be_insisted_on() {
        assert_eq!(merged(Flags::default(), "").unwrap().network_folder, NetworkFolders::Refuse);
        assert_eq!(merged(Flags::default(), "network_folder = true").unwrap().network_folder, NetworkFolders::Accept);
        let flags = Flags { network_folder: true, ..Flags::default() };
        assert_eq!(merged(flags, "").unwrap().network_folder, NetworkFolders::Accept);
    }

    #[test]
    fn nonsense_is_refused_with_its_name() {
        assert!(toml::from_str::<File>("htp = \"127.0.0.1:1\"").is_err());
        for text in [
            "0.0.0.0:7301",
            "/ip4/999.1.1.1/tcp/1",
            "/ip4/127.0.0.1",
            "/ip4/127.0.0.1/tcp/99999",
            "/dns/x/tcp/7301",
            "/ip4",
        ] {
            let flags = Flags { listen: vec![text.into()], ..Flags::default() };
            assert!(matches!(merged(flags, ""), Err(ConfigError::Listen { .. })), "{text}");
        }
        for text in ["/dns/x", "198.51.100.7:7301", "/dns/x/udp/7301"] {
            let flags = Flags { announce: vec![text.into()], ..Flags::default() };
            assert!(matches!(merged(flags, ""), Err(ConfigError::Announce { .. })), "{text}");
        }
        let flags = Flags { announce: vec!["/dns/archipel.example/udp/7301/quic-v1".into()], ..Flags::default() };
        assert!(merged(flags, "").is_ok());
        let flags = Flags { names: vec!["https://x".into()], ..Flags::default() };
        assert!(matches!(merged(flags, ""), Err(ConfigError::Name { .. })));
    }
}
