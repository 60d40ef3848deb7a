//! A test of the way to another node, step by step, for the person who has to find out why there is none. Each step that
//! fails has its advice. Dials by itself; decides nothing.

use super::known::via;
use crate::http::ports::{Outcome, Test, Tried};
use archipel_net::{Knock, Net, PeerKey, Transport, Via, address_parts, knock, peer_id_text};
use futures::future::join_all;
use std::net::IpAddr;
use std::time::Duration;

/// Addresses tried: a person waits.
const ADDRESSES_TRIED_MAX: usize = 8;
/// How long a connection may take to come to stand after the door was found open.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked whether it stands.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longest name lookup.
const NAME_WITHIN: Duration = Duration::from_secs(5);

/// What one proves oneself with.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub secret: &'a [u8; 32],
    pub org_tag: [u8; 16],
}

/// One address, and how far one gets there.
struct Way {
    address: String,
    host: String,
    transport: Transport,
    knock: Knock,
    took: Duration,
}

/// Does an address lead straight to its node, and not over a relay?
pub(super) fn is_straight(address: &str) -> bool {
    address_parts(address).is_ok()
}

/// Tries everything, the way the connection goes included.
pub(super) async fn run(net: &Net, keys: Keys<'_>, peer: PeerKey, addresses: Vec<String>) -> Test {
    let mut straight: Vec<String> = addresses.into_iter().filter(|address| is_straight(address)).collect();
    straight.truncate(ADDRESSES_TRIED_MAX);
    let name = names(&straight).await;
    let ways = join_all(straight.iter().map(|address| go(keys, address, peer))).await;
    let ways: Vec<Way> = ways.into_iter().flatten().collect();
    let (answer, found) = answer(net, peer, &straight, &ways).await;
    let (udp, tcp) = (over("udp", &ways, Transport::Quic), over("tcp", &ways, Transport::Tcp));
    let steps = vec![listed(&straight), name, udp, tcp, handshake(&ways, peer), admitted(&ways), answer];
    let advice = advice(&steps, &ways, found);
    Test { steps, advice, via: found.map(via) }
}

async fn go(keys: Keys<'_>, address: &str, peer: PeerKey) -> Option<Way> {
    let (host, _, transport) = address_parts(address).ok()?;
    let (knock, took) = knock(keys.secret, &keys.org_tag, address, peer).await.ok()?;
    Some(Way { address: address.to_owned(), host, transport, knock, took })
}

fn step(id: &'static str, outcome: Outcome, detail: String) -> Tried {
    Tried { id, outcome, detail, ms: None }
}

fn listed(straight: &[String]) -> Tried {
    let outcome = if straight.is_empty() { Outcome::Failed } else { Outcome::Ok };
    step("address", outcome, straight.join(", "))
}

async fn names(straight: &[String]) -> Tried {
    let mut hosts: Vec<(String, u16)> = Vec::new();
    for (host, port, _) in straight.iter().filter_map(|address| address_parts(address).ok()) {
        if host.parse::<IpAddr>().is_err() && !hosts.iter().any(|(known, _)| *known == host) {
            hosts.push((host, port));
        }
    }
    if hosts.is_empty() {
        return step("name", Outcome::Skipped, String::new());
    }
    let mut found = Vec::new();
    let mut outcome = Outcome::Ok;
    for (host, port) in hosts {
        match tokio::time::timeout(NAME_WITHIN, tokio::net::lookup_host((host.as_str(), port))).await {
            Ok(Ok(addresses)) => {
                let ips: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
                found.push(format!("{host} = {}", ips.join(" ")));
            }
            Ok(Err(_)) | Err(_) => {
                outcome = Outcome::Failed;
                found.push(format!("{host} is not known"));
            }
        }
    }
    step("name", outcome, found.join(", "))
}

fn says(knock: Knock) -> &'static str {
    match knock {
        Knock::Silent => "no answer",
        Knock::Refused => "nothing listens",
        Knock::Foreign => "not a node of this organisation",
        Knock::OtherNode => "another node",
        Knock::NotAdmitted => "does not let this node in",
        Knock::Admitted => "open",
    }
}

fn over(id: &'static str, ways: &[Way], transport: Transport) -> Tried {
    let tried: Vec<&Way> = ways.iter().filter(|way| way.transport == transport).collect();
    let answered = tried.iter().filter(|way| way.knock > Knock::Refused).min_by_key(|way| way.took);
    let outcome = match (tried.is_empty(), answered) {
        (true, _) => Outcome::Skipped,
        (_, Some(_)) => Outcome::Ok,
        (_, None) => Outcome::Failed,
    };
    let detail: Vec<String> = tried.iter().map(|way| format!("{}: {}", way.address, says(way.knock))).collect();
    Tried { id, outcome, detail: detail.join(", "), ms: answered.map(|way| millis(way.took)) }
}

fn furthest(ways: &[Way]) -> Option<&Way> {
    ways.iter().filter(|way| way.knock > Knock::Refused).max_by_key(|way| way.knock)
}

fn handshake(ways: &[Way], peer: PeerKey) -> Tried {
    let Some(way) = furthest(ways) else { return step("handshake", Outcome::Skipped, String::new()) };
    let outcome = if way.knock >= Knock::NotAdmitted { Outcome::Ok } else { Outcome::Failed };
    step("handshake", outcome, format!("{}: expected {}", way.host, peer_id_text(peer)))
}

fn admitted(ways: &[Way]) -> Tried {
    let outcome = match furthest(ways).map(|way| way.knock) {
        Some(Knock::Admitted) => Outcome::Ok,
        Some(Knock::NotAdmitted) => Outcome::Failed,
        _ => Outcome::Skipped,
    };
    step("admitted", outcome, String::new())
}

/// A round trip over the connection itself, which is made if the door is open.
async fn answer(net: &Net, peer: PeerKey, straight: &[String], ways: &[Way]) -> (Tried, Option<Via>) {
    let stands = async || {
        let status = net.status().await.ok()?;
        status.peers.into_iter().find(|status| status.peer == peer)
    };
    let mut found = stands().await;
    if found.is_none() && ways.iter().any(|way| way.knock == Knock::Admitted) {
        // The same addresses again: dialled at once.
        let _ = net.known_addresses(peer, straight.to_vec()).await;
        let waiting = async {
            loop {
                if let Some(status) = stands().await {
                    return status;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        found = tokio::time::timeout(CONNECT_WITHIN, waiting).await.ok();
    }
    let Some(status) = found else { return (step("answer", Outcome::Skipped, String::new()), None) };
    let took = net.sound(peer).await.ok().flatten();
    let outcome = if took.is_some() { Outcome::Ok } else { Outcome::Failed };
    let tried = Tried { id: "answer", outcome, detail: status.address, ms: took.map(millis) };
    (tried, Some(status.via))
}

fn millis(took: Duration) -> u64 {
    took.as_millis().try_into().unwrap_or(u64::MAX)
}

/// The first thing to do, by the first step that failed.
fn advice(steps: &[Tried], ways: &[Way], via: Option<Via>) -> &'static str {
    let failed = |id: &str| steps.iter().any(|step| step.id == id && step.outcome == Outcome::Failed);
    let ok = |id: &str| steps.iter().any(|step| step.id == id && step.outcome == Outcome::Ok);
    let met = |knock| ways.iter().any(|way| way.knock == knock);
    let works = ok("answer");
    let silent = !ok("udp") && !ok("tcp");
    match () {
        () if works && via == Some(Via::Relay) => "relayed",
        () if works && failed("udp") && ok("tcp") => "udp_blocked",
        () if works => "ok",
        () if failed("address") => "no_address",
        () if failed("name") => "name_unknown",
        () if silent && met(Knock::Refused) => "not_running",
        () if silent => "no_answer",
        () if failed("handshake") && met(Knock::OtherNode) => "other_node",
        () if failed("handshake") => "not_archipel",
        () if failed("admitted") => "not_admitted",
        () => "try_again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(transport: Transport, knock: Knock) -> Way {
        let address = "/ip4/192.0.2.1/tcp/1".to_owned();
        Way { address, host: "192.0.2.1".to_owned(), transport, knock, took: Duration::from_millis(3) }
    }

    fn advised(ways: &[Way], answers: Option<Via>) -> &'static str {
        let addresses = vec!["/ip4/192.0.2.1/tcp/1".to_owned()];
        let outcome = if answers.is_some() { Outcome::Ok } else { Outcome::Skipped };
        let steps = [
            listed(&addresses),
            over("udp", ways, Transport::Quic),
            over("tcp", ways, Transport::Tcp),
            handshake(ways, PeerKey([1; 32])),
            admitted(ways),
            step("answer", outcome, String::new()),
        ];
        advice(&steps, ways, answers)
    }

    #[test]
    fn each_failure_has_its_advice() {
        use Transport::{Quic, Tcp};
        type Row<'a> = (&'a [(Transport, Knock)], Option<Via>, &'a str);
        let table: [Row<'_>; 8] = [
            (&[(Quic, Knock::Silent), (Tcp, Knock::Silent)], None, "no_answer"),
            (&[(Quic, Knock::Silent), (Tcp, Knock::Refused)], None, "not_running"),
            (&[(Quic, Knock::Foreign), (Tcp, Knock::Silent)], None, "not_archipel"),
            (&[(Quic, Knock::OtherNode), (Tcp, Knock::Foreign)], None, "other_node"),
            (&[(Quic, Knock::NotAdmitted)], None, "not_admitted"),
            (&[(Quic, Knock::Silent), (Tcp, Knock::Admitted)], Some(Via::Direct), "udp_blocked"),
            (&[(Quic, Knock::Admitted), (Tcp, Knock::Admitted)], Some(Via::Direct), "ok"),
            (&[(Quic, Knock::Silent), (Tcp, Knock::Silent)], Some(Via::Relay), "relayed"),
        ];
        for (ways, via, expected) in table {
            let ways: Vec<Way> = ways.iter().map(|(transport, knock)| way(*transport, *knock)).collect();
            assert_eq!(advised(&ways, via), expected);
        }
        assert_eq!(advice(&[listed(&[])], &[], None), "no_address");
    }
}
