//! What a hostile machine can try: strangers, bombs, floods. It speaks libp2p itself, unbound by our own checks.

mod eve;
mod flood;
mod restarts;
mod strangers;
mod suspended;
