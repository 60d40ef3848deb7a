//! A data folder that an earlier program wrote, kept in `tests/golden/data`: this program opens it and shows exactly what
//! was there (`expected.json`), first from the journal alone, then with the index that it made.
//!
//! `tests/run golden --write` makes both anew with the present program. Until the first release is tagged that is done when
//! formats change; after it, never: a folder of a newer version is put beside this one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

mod picture;
mod writing;

use archipel_tests::cluster::Site;
use std::path::PathBuf;

/// Set by `tests/run golden --write`.
const WRITE: &str = "ARCHIPEL_GOLDEN_WRITE";

fn here(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

#[tokio::test]
async fn data_of_an_earlier_version_opens_and_shows_what_was_there() {
    if std::env::var_os(WRITE).is_some() {
        writing::write().await;
    }
    let expected = std::fs::read_to_string(here("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let mut site = Site::start_on("Paris", &here("data")).await;
    assert!(!site.log().contains("panicked"), "{}", site.log());
    let found = picture::of(&site).await;
    picture::contains(&expected, &found, "from the journal");
    site.stop().await;
    assert!(site.data().join("index").is_dir(), "an index was made");
    site.restart().await;
    picture::contains(&expected, &picture::of(&site).await, "from the index");
    writing::goes_on(&site).await;
}
