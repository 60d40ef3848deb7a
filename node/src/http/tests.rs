//! The HTTP room on a real engine in a temporary folder, without a socket: requests in, answers out.

mod bundles;
mod export;
mod files;
mod guarding;
mod live;
mod pages;
mod people;
mod posts;
mod rights;
mod search;
mod sessions;
mod setup;
mod world;
