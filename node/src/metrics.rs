//! One registry of numbers for the whole node, in Prometheus's text form. Each room registers its own.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::{Mutex, PoisonError};

/// Upper ends of the buckets of request times, in seconds.
const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// What a request was; the route is the pattern, never a path, so that the number of series stays bounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// GET, POST, …
    pub method: &'static str,
    /// `/api/v1/posts/{id}`.
    pub route: String,
    /// 2xx, 4xx …
    pub status: u16,
}

/// How the site stands, set when it is asked.
#[derive(Debug, Default, Clone)]
pub struct Standing {
    /// Sites of the organisation, this one included.
    pub sites: Gauge,
    /// Other sites of which a node is connected.
    pub connected: Gauge,
    /// Entries written here that another site has not confirmed, summed over the sites.
    pub waiting: Gauge,
    /// Open alarms.
    pub alarms: Gauge,
    /// People with an account here.
    pub accounts: Gauge,
    /// Bytes left on the disk.
    pub free: Gauge,
}

/// The registry and the numbers of the HTTP room.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Requests answered.
    pub requests: Family<RequestLabels, Counter>,
    /// How long answers took.
    pub seconds: Histogram,
    /// Open live streams.
    pub live: Gauge,
    /// Logins refused.
    pub logins_refused: Counter,
    /// How the site stands.
    pub standing: Standing,
}

impl Metrics {
    /// A registry with the HTTP room's numbers in it.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("archipel");
        let requests = Family::default();
        let seconds = Histogram::new(SECONDS);
        let live = Gauge::default();
        let logins_refused = Counter::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register("http_request_seconds", "How long answers took", seconds.clone());
        registry.register("live_streams", "Open live streams", live.clone());
        registry.register("logins_refused", "Logins refused", logins_refused.clone());
        let standing = Standing::default();
        registry.register("sites", "Sites of the organisation, this one included", standing.sites.clone());
        registry.register("sites_connected", "Other sites that are connected", standing.connected.clone());
        let words = "Entries written here that other sites have not confirmed, summed over the sites";
        registry.register("entries_waiting", words, standing.waiting.clone());
        registry.register("alarms", "Open alarms", standing.alarms.clone());
        registry.register("accounts", "People with an account here", standing.accounts.clone());
        registry.register("disk_free_bytes", "Bytes left on the disk of the data folder", standing.free.clone());
        Self { registry: Mutex::new(registry), requests, seconds, live, logins_refused, standing }
    }

    /// Lets a room add its own numbers.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All numbers as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string fails only if a metric's own encoding does, and then what came before it stands.
        let _ = encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_add_their_own_numbers() {
        let metrics = Metrics::new();
        let counter: Counter = Counter::default();
        metrics.register(|registry| registry.register("engine_commits", "Commits", counter.clone()));
        counter.inc();
        metrics.requests.get_or_create(&RequestLabels { method: "GET", route: "/".into(), status: 200 }).inc();
        let text = metrics.text();
        assert!(text.contains("archipel_engine_commits_total 1"), "{text}");
        assert!(text.contains("status=\"200\""), "{text}");
    }
}
