//! What the journal says from a place on, when notices were missed: which items to look at again, and which groups whole.

use super::due::Due;
use crate::runtime::handle::Handle;
use crate::runtime::{disk::ENTRIES, record};
use archipel_storage::journal::{Position, Scanned};
use protocol::control::op::kind as control;
use protocol::engine::read::Reader;
use protocol::entry::{Header, batch};
use protocol::group::kind;
use protocol::ids::{EntryId, GroupId};

/// Records read in one step: some thousand entries when they come in full runs.
const RECORDS_PER_STEP: usize = 32;

/// Reads a step from a place on, not beyond `end`; answers where the next begins.
pub fn step(handle: &Handle, from: Position, end: Position, due: &mut Due) -> Position {
    let mut scan = handle.journal().scan(from);
    let mut runs = Vec::new();
    for found in scan.by_ref().take(RECORDS_PER_STEP) {
        match found {
            Ok(Scanned::Record { kind: ENTRIES, payload, .. }) => runs.extend(record::unpack(&payload)),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "the journal cannot be read for the search index");
                break;
            }
        }
    }
    handle.read(|reader| {
        for entry in runs.iter().filter_map(|run| batch::decode(run).ok()).flatten() {
            look(reader, &entry.id, &entry.header, due);
        }
    });
    // At its end a scan may stand where a new file begins; then there is nothing more before `end`.
    match scan.position() {
        at if at <= from => end,
        at => at,
    }
}

fn look(reader: &Reader<'_>, id: &EntryId, header: &Header, due: &mut Due) {
    let group = GroupId::from(header.scope);
    let of_organisation = reader.organisation().is_some_and(|org| org.id.0 == header.scope.0);
    match header.kind {
        control::LOG_OPEN | control::SEE | kind::REACT | kind::EPOCH => {}
        // Whatever it says may have made other entries count, or count no more: with notices missed nobody knows which.
        0..kind::PROFILE_SET if of_organisation => due.whole = super::due::Whole::All,
        0..kind::PROFILE_SET | kind::SOURCE_SET => due.whole.add(group),
        _ if of_organisation || due.whole.has(&group) => {}
        _ => {
            header.refs.iter().for_each(|id| due.add(*id));
            due.with_beside(reader, *id);
        }
    }
}
