//! Golden bytes: the invitation, each frame and both records stay as they are in `vectors/pairing.json`.

use super::world::*;
use crate::pairing::*;
use std::collections::BTreeMap;

/// A flat JSON object of names and texts without escapes.
fn read(json: &str) -> BTreeMap<String, String> {
    let texts: Vec<&str> = json.split('"').skip(1).step_by(2).collect();
    texts.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

fn write(vectors: &BTreeMap<String, String>) -> String {
    let lines: Vec<_> = vectors.iter().map(|(name, text)| format!("  \"{name}\": \"{text}\"")).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

/// The frames of a pairing with fixed keys, nonces and times, and what is kept of it.
fn made() -> BTreeMap<String, String> {
    let mut vectors = BTreeMap::new();
    vectors.insert("ticket text".to_owned(), ticket().to_string());
    vectors.insert("ticket".to_owned(), hex(&ticket().to_bytes()));
    let frames = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = frames.clone();
    let mut world = World::new();
    world.tamper = Some(Box::new(move |_, _, frame| {
        seen.borrow_mut().push(frame.clone());
        vec![frame]
    }));
    world.run();
    for frame in frames.borrow().iter() {
        let name = format!("{:?}", Frame::from_bytes(frame).expect("own frames read back"));
        let name = name.split([' ', '{']).next().unwrap_or_default().to_lowercase();
        vectors.insert(format!("frame {name}"), hex(frame));
    }
    let others = [
        ("more", Frame::More { ticket: ticket().id, index: 3 }),
        ("refuse", Frame::Refuse { code: PairingCode::Locked }),
        ("withdraw", Frame::Withdraw { ticket: ticket().id, code: PairingCode::Refused, proof: [0x99; 32] }),
    ];
    for (name, frame) in others {
        vectors.insert(format!("frame {name}"), hex(&frame.to_bytes()));
    }
    vectors.insert("digits".to_owned(), world.shown[0].1.to_string());
    vectors.insert("fingerprint".to_owned(), fingerprint(&INVITER));
    vectors.insert("record inviter".to_owned(), hex(&world.kept_inviter));
    vectors.insert("record joiner".to_owned(), hex(&world.kept_joiner));
    vectors
}

#[test]
fn the_bytes_are_as_they_always_were() {
    let golden = read(include_str!("../../../vectors/pairing.json"));
    let made = made();
    assert_eq!(golden, made, "if the change is meant, the file becomes:\n{}", write(&made));
}

#[test]
fn the_golden_bytes_read_back() {
    let golden = read(include_str!("../../../vectors/pairing.json"));
    assert_eq!(golden.len(), 18);
    assert_eq!(Ticket::parse(&golden["ticket text"]), Ok(ticket()));
    for (name, text) in &golden {
        let bytes = || unhex(text);
        match name.split(' ').collect::<Vec<_>>()[..] {
            ["ticket"] => assert_eq!(Ticket::from_bytes(&bytes()), Ok(ticket())),
            ["frame", _] => assert_eq!(Frame::from_bytes(&bytes()).expect("a frame").to_bytes(), bytes()),
            ["record", "inviter"] => assert!(InviterRecord::from_bytes(&bytes()).is_ok()),
            ["record", "joiner"] => assert!(JoinerRecord::from_bytes(&bytes()).is_ok()),
            _ => {}
        }
    }
}
