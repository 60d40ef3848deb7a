//! The invitation's text.

use super::world::*;
use crate::clock::Millis;
use crate::ids;
use crate::pairing::*;
use proptest::prelude::*;

#[test]
fn an_invitation_reads_back_wherever_it_was_pasted_from() {
    let text = ticket().to_string();
    assert!(text.starts_with("archipel1"));
    let lines =
        text.as_bytes().chunks(40).map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\r\n > ");
    let lines = lines.replace('>', " ");
    for pasted in [
        text.clone(),
        text.to_uppercase(),
        format!("  {text}\n"),
        lines,
        format!("http://archipel.example.org:7300/join#{text}"),
        format!("https://archipel1.example.org/join#{text}"),
        format!("HTTP://LOCALHOST:7300/JOIN#{}", text.to_uppercase()),
        format!("Join us: <{text}>."),
        format!("\u{feff}{}\u{200b}{}", &text[..30], &text[30..]),
    ] {
        assert_eq!(Ticket::parse(&pasted), Ok(ticket()), "{pasted}");
    }
}

#[test]
fn what_is_no_invitation_is_told_apart() {
    let text = ticket().to_string();
    assert_eq!(Ticket::parse(" \n"), Err(TicketError::Empty));
    assert_eq!(Ticket::parse("hello"), Err(TicketError::NotATicket));
    assert_eq!(Ticket::parse("https://archipel.example.org/join"), Err(TicketError::NotATicket));
    assert_eq!(Ticket::parse("archipel1"), Err(TicketError::Mistyped));
    assert_eq!(Ticket::parse(&text[..text.len() - 3]), Err(TicketError::Mistyped));
    assert_eq!(
        Ticket::parse(&text.replacen("archipel1", "archipel9", 1)),
        Err(TicketError::NewerVersion { version: 9 })
    );
    assert_eq!(
        Ticket::parse(&"a".repeat(PASTED_BYTES_MAX + 1)),
        Err(TicketError::TooLong { bytes: PASTED_BYTES_MAX + 1 })
    );
}

#[test]
fn any_mistyped_character_is_noticed() {
    let text = ticket().to_string();
    for at in "archipel1".len()..text.len() {
        let other = if text.as_bytes()[at] == b'a' { "b" } else { "a" };
        let mistyped = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        assert_eq!(Ticket::parse(&mistyped), Err(TicketError::Mistyped), "{at}");
    }
}

#[test]
fn a_large_invitation_is_made_to_fit() {
    let mut large = ticket();
    large.organisation = "Compagnie générale des îles, des phares et des balises".repeat(3);
    large.site = "é".repeat(100);
    large.addresses = vec!["/ip6/2001:db8:1234:5678:9abc:def0:1234:5678/udp/17302/quic-v1".to_owned(); 20];
    large.addresses.insert(0, "no address".into());
    let fitted = large.fit();
    assert!(fitted.to_bytes().len() <= TICKET_BYTES_MAX);
    assert!(!fitted.addresses.is_empty());
    assert!(fitted.organisation.ends_with('…') && fitted.organisation.len() <= TICKET_NAME_BYTES_MAX);
    assert_eq!(Ticket::parse(&fitted.to_string()), Ok(fitted));
}

#[test]
fn an_invitation_has_one_encoding() {
    let bytes = ticket().to_bytes();
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Ticket::from_bytes(&longer).is_err());
    // The array's head written with a length byte of its own.
    let loose = [&[0x98, 0x0a], &bytes[1..]].concat();
    assert!(Ticket::from_bytes(&loose).is_err());
}

#[test]
fn the_secret_is_never_printed() {
    let printed = format!("{:?} {:?} {:?}", ticket(), inviter(), joiner());
    assert!(!printed.contains("68, 68, 68") && !printed.contains(&ids::to_text(&[0x44; 32])), "{printed}");
}

#[test]
fn fingerprints_are_short_and_differ() {
    assert_eq!(fingerprint(&INVITER), "ceir ceir ceir ceir ceir");
    assert_ne!(fingerprint(&INVITER), fingerprint(&JOINER));
}

proptest! {
    #[test]
    fn every_invitation_reads_back(
        organisation in "\\PC{0,60}", site in "\\PC{0,60}", secret: [u8; 32], id: [u8; 16], expiry in 0u64..1 << 42,
        addresses in proptest::collection::vec("/[a-z0-9/.:]{0,140}", 0..9),
    ) {
        let ticket = Ticket {
            organisation, site, addresses, id: ids::TicketId(id), secret: zeroize::Zeroizing::new(secret),
            expiry: Millis(expiry), ..ticket()
        }.fit();
        prop_assert_eq!(Ticket::parse(&ticket.to_string()), Ok(ticket));
    }

    #[test]
    fn no_text_upsets_the_reader(text in "\\PC{0,400}", tail in "[a-z2-7]{0,700}") {
        let _ = Ticket::parse(&text);
        let _ = Ticket::parse(&format!("{text}archipel1{tail}"));
    }

    #[test]
    fn no_bytes_upset_the_readers(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = Ticket::from_bytes(&bytes);
        let _ = Frame::from_bytes(&bytes);
        let _ = InviterRecord::from_bytes(&bytes);
        let _ = JoinerRecord::from_bytes(&bytes);
        let _ = PairingLock::from_bytes(&bytes);
    }
}
