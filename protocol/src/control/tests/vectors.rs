//! Control histories with their outcome, pinned in `vectors/control.json`: another implementation that reads the entries
//! must come to the same rights. What is compared is evaluated from the file alone.
//!
//! `ARCHIPEL_VECTORS=write` writes the file anew.

use super::authority::group_with;
use super::*;
use crate::control::registry::NodeStatus;
use serde_json::{Value, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/control.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    unhex(value).try_into().expect("an id has its length")
}

/// Histories, each for one rule, in the words of §2.6.
fn histories() -> Vec<(&'static str, Stage)> {
    type Write = fn(&mut Stage);
    let all: [(&'static str, u8, Write); 12] = [
        ("s01 two owners remove each other", 2, |stage| {
            let base = group_with(stage, &[(1, Role::Owner)]);
            stage.by(0, revoke(1), &[base]);
            stage.by(1, revoke(0), &[base]);
        }),
        ("s02 removals in a circle", 3, |stage| {
            let base = group_with(stage, &[(1, Role::Owner), (2, Role::Owner)]);
            for (by, of) in [(0, 1), (1, 2), (2, 0)] {
                stage.by(by, revoke(of), &[base]);
            }
        }),
        ("s05 a removed facilitator's grant with an old frontier", 3, |stage| {
            let base = group_with(stage, &[(1, Role::Facilitator)]);
            stage.by(0, revoke(1), &[base]);
            stage.by(1, grant(2, Role::Member), &[base]);
        }),
        ("s07 a junior removes whom the senior promotes", 3, |stage| {
            let base = group_with(stage, &[(1, Role::Owner), (2, Role::Member)]);
            stage.by(0, grant(2, Role::Owner), &[base]);
            stage.by(1, revoke(2), &[base]);
        }),
        ("s09 an amended cut", 2, |stage| {
            let base = group_with(stage, &[(1, Role::Member)]);
            let removed = stage.by(0, revoke_with(1, vec![cut(1, 4)]), &[base]);
            let amend = AmendCut { revocation: removed, cuts: vec![cut(1, 6)] };
            stage.by(0, ControlOp::AmendCut(amend), &[removed]);
        }),
        ("a2 a remaining node states what it held", 3, |stage| {
            let base = group_with(stage, &[(1, Role::Member), (2, Role::Member)]);
            let removed = stage.by(0, revoke_with(1, vec![cut(1, 4)]), &[base]);
            stage.write(Scope::Group, node(2), None, seen(removed, vec![cut(1, 6)]), &[removed]);
            stage.write(Scope::Group, node(1), None, seen(removed, vec![cut(1, 9)]), &[removed]);
        }),
        ("s20 a policy with cuts against one who did not know", 3, |stage| {
            let base = group_with(stage, &[(1, Role::Member), (2, Role::Guest)]);
            let strict = stage.by(0, edit_policy(Posting::Facilitators, vec![cut(1, 4)]), &[base]);
            stage.by(0, edit_guests(Guests::Read, vec![cut(2, 1)]), &[strict]);
        }),
        ("s25 the last owner leaves and an admin appoints", 3, |stage| {
            let base = group_with(stage, &[(1, Role::Facilitator)]);
            stage.by(0, ControlOp::Leave, &[base]);
            let appoint = AppointOwner { group: stage.group.expect("a group"), user: user(2, 0) };
            stage.org_op(0, Some(user(0, 0)), ControlOp::AppointOwner(appoint));
        }),
        ("s14 a person moves, with cuts", 3, |stage| {
            let base = group_with(stage, &[(1, Role::Member)]);
            let moved = UserMove { user: user(1, 0), site: site(2), cuts: vec![cut(1, 4)] };
            let moved = stage.org_op(0, Some(user(0, 0)), ControlOp::UserRehome(moved));
            stage.by(1, ControlOp::Leave, &[base, moved]);
        }),
        ("s15 a node is revoked within a cut", 3, |stage| {
            let known = stage.heads(Scope::Org);
            let tail = stage.tails[&(Scope::Org, node(1))].clone();
            stage.register(1, 1);
            let cuts = vec![Cut { log: tail.log, seq: tail.seq, id: tail.id }];
            let revoke = ControlOp::NodeRevoke(NodeRevoke { node: node(1), cuts, reason: Some("Stolen".into()) });
            stage.write(Scope::Org, node(0), Some(user(0, 0)), revoke, &known);
            group_with(stage, &[(1, Role::Member)]);
        }),
        ("n2a a suspension and a concurrent resumption", 2, |stage| {
            let only = NodeOnly { node: node(1) };
            let base = stage.org_op(0, Some(user(0, 0)), ControlOp::NodeSuspend(only.clone()));
            stage.write(Scope::Org, node(0), Some(user(0, 0)), ControlOp::NodeResume(only.clone()), &[base]);
            stage.write(Scope::Org, node(0), Some(user(0, 0)), ControlOp::NodeSuspend(only), &[base]);
            group_with(stage, &[]);
        }),
        ("d2 who was removed does not join by themselves", 2, |stage| {
            let created = stage.create(Access::Open);
            let joined = stage.by(1, ControlOp::Join, &[created]);
            let removed = stage.by(0, revoke(1), &[joined]);
            stage.by(1, ControlOp::Join, &[removed]);
        }),
    ];
    all.into_iter()
        .enumerate()
        .map(|(at, (name, sites, write))| {
            let mut stage = Stage::new(sites, 7_000 + at as u64);
            write(&mut stage);
            (name, stage)
        })
        .collect()
}

fn entry_json((scope, entry): &(Scope, ControlEntry)) -> Value {
    let (kind, body) = entry.op.encode();
    json!({
        "scope": if *scope == Scope::Org { "organisation" } else { "group" },
        "id": hex(&entry.id.0), "log": hex(&entry.log.0), "seq": entry.seq, "node": hex(&entry.node.0),
        "actor": entry.actor.map(|actor| hex(&actor.0)), "prev": entry.prev.map(|prev| hex(&prev.0)),
        "ctl": entry.ctl.iter().map(|id| hex(&id.0)).collect::<Vec<_>>(), "kind": kind, "body": hex(&body),
    })
}

fn read_entry(value: &Value) -> (bool, ControlEntry) {
    let id = |value: &Value| EntryId(fixed(value));
    let kind = u16::try_from(value["kind"].as_u64().expect("a kind")).expect("small");
    let entry = ControlEntry {
        id: id(&value["id"]),
        log: LogId(fixed(&value["log"])),
        seq: value["seq"].as_u64().expect("a position"),
        node: NodeId(fixed(&value["node"])),
        actor: value["actor"].as_str().map(|_| UserId(fixed(&value["actor"]))),
        prev: value["prev"].as_str().map(|_| id(&value["prev"])),
        ctl: value["ctl"].as_array().expect("a list").iter().map(id).collect(),
        again: None,
        op: ControlOp::decode(kind, &unhex(&value["body"])).expect("a body"),
    };
    (value["scope"] == "organisation", entry)
}

/// What the entries of a vector come to. Of each person's posts under each entry's frontier: how far each log counts.
fn outcome(vector: &Value) -> Value {
    let org_id = OrgId(fixed(&vector["organisation"]));
    let group_id = GroupId(fixed(&vector["group"]));
    let (mut org, mut group) = (History::default(), History::default());
    for value in vector["entries"].as_array().expect("a list") {
        match read_entry(value) {
            (true, entry) => assert_eq!(org.insert(entry, &|_| false), Inserted::Added),
            (false, entry) => assert_eq!(group.insert(entry, &|id| org.contains(id)), Inserted::Added),
        }
    }
    let state = OrgState::evaluate(org_id, &org);
    let judged = GroupState::evaluate(group_id, &group, &state).expect("the group is created");
    let status = |status| match status {
        NodeStatus::Admitted => "admitted",
        NodeStatus::Suspended => "suspended",
        NodeStatus::Revoked => "revoked",
    };
    let voids = state.voids().iter().chain(judged.voids());
    let base = EntryId(group_id.0);
    let posts = state.users().keys().map(|user| {
        let verdicts: Vec<Value> = (1..8u64)
            .map(|seq| {
                let first = [group.heads(), vec![base]].concat().pop().expect("created");
                let granted = first_role(&group, user).unwrap_or(first);
                let vouched = state.vouched(&node(user.0[0]), user, &[granted], (&data_log(user.0[0]), seq));
                let judged = judged.standing(&group, user, &[granted], Act::Post).verdict(&data_log(user.0[0]), seq);
                json!(match (vouched, judged) {
                    (Verdict::Valid, verdict) | (verdict, _) => word(verdict),
                })
            })
            .collect();
        (hex(&user.0), Value::from(verdicts))
    });
    json!({
        "nodes": state.nodes().iter().map(|(id, node)| (hex(&id.0), json!(status(node.status)))).collect::<serde_json::Map<_, _>>(),
        "homes": state.users().iter().map(|(id, user)| (hex(&id.0), json!(hex(&user.site.0)))).collect::<serde_json::Map<_, _>>(),
        "roles": judged.members().iter().map(|(id, one)| (hex(&id.0), json!(format!("{:?}", one.role).to_lowercase())))
            .collect::<serde_json::Map<_, _>>(),
        "policy": { "post": format!("{:?}", judged.policy().post).to_lowercase(),
            "guests": format!("{:?}", judged.policy().guests).to_lowercase() },
        "void": voids.map(|(id, reason)| (hex(&id.0), json!(reason.code()))).collect::<serde_json::Map<_, _>>(),
        "posts 1 to 7 in one's own log, knowing one's role": posts.collect::<serde_json::Map<_, _>>(),
    })
}

/// The first entry that gave the person a role.
fn first_role(group: &History, user: &UserId) -> Option<EntryId> {
    let gives = |entry: &&std::sync::Arc<ControlEntry>| match &entry.op {
        ControlOp::Grant(grant) => grant.roles.iter().any(|one| one.user == *user),
        ControlOp::Join => entry.actor == Some(*user),
        _ => false,
    };
    group.entries().iter().find(gives).map(|entry| entry.id)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Pending => "pending",
        Verdict::Void(reason) => reason.code(),
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its file and its environment; the rules do not")]
fn pinned_histories_come_to_their_pinned_outcome() {
    if std::env::var("ARCHIPEL_VECTORS").as_deref() == Ok("write") {
        let vectors: Vec<Value> = histories()
            .into_iter()
            .map(|(name, stage)| {
                let mut vector = json!({
                    "name": name, "organisation": hex(&stage.org.0), "group": hex(&stage.group.expect("a group").0),
                    "entries": stage.entries.iter().map(entry_json).collect::<Vec<_>>(),
                });
                vector["outcome"] = outcome(&vector);
                vector
            })
            .collect();
        let text = serde_json::to_string_pretty(&vectors).expect("values encode");
        return std::fs::write(PATH, text + "\n").expect("the vectors can be written");
    }
    let text = std::fs::read_to_string(PATH).expect("the vectors are there");
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("a list");
    assert_eq!(vectors.len(), histories().len());
    for vector in &vectors {
        assert_eq!(outcome(vector), vector["outcome"], "{}", vector["name"]);
    }
}
